/** Plain text, or a part with a meaning: the tag of the HTML element that shows it, and `mention`. */
export type Piece = string | { tag: Tag; href?: string; pieces: Piece[] };
type Tag = 'strong' | 'em' | 's' | 'code' | 'pre' | 'time' | 'mention' | 'a';

export declare function parseMrkdwn(text: string, now?: Date): Piece[];
