/** `publishing-job-notifier completion`: the completion script of a shell, generated from the commands and their options. */

import { Argument, type Command } from 'commander';

/** The command that the scripts complete, as `bin` in package.json names it. */
const bin = 'publishing-job-notifier';

/** What can follow a command: its path (empty for the program), and its subcommands or values, and options. */
interface Level {
  path: string[];
  commands: Word[];
  options: Word[];
}

interface Word {
  text: string;
  description: string;
}

const writers = { bash, zsh, fish, powershell } as const;
type Shell = keyof typeof writers;

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(writers)))
    .addHelpText(
      'after',
      `
The script completes an installed \`${bin}\`, not what follows npx. Add its line to the start-up file of the shell:
  bash         source <(${bin} completion bash)
  zsh          source <(${bin} completion zsh)
  fish         ${bin} completion fish | source
  powershell   ${bin} completion powershell | Out-String | Invoke-Expression`,
    )
    .action((shell: Shell) => void process.stdout.write(`${writers[shell](levelsOf(program))}\n`));
}

function levelsOf(command: Command, path: string[] = []): Level[] {
  const subcommands = command.commands.map((each) => ({ text: each.name(), description: each.description() }));
  const values = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((text) => ({ text, description })),
  );
  const level = {
    path,
    commands: [...subcommands, ...values],
    options: command.options.map(({ long, description }) => ({ text: long ?? '', description })),
  };
  return [...command.commands.flatMap((each) => levelsOf(each, [...path, each.name()])), level];
}

const wordsOf = ({ commands, options }: Level): string =>
  [...commands, ...options, { text: '--help' }].map(({ text }) => text).join(' ');

// The deepest levels come first, so that `secrets set` is matched before `secrets`.
function bash(levels: Level[]): string {
  return `_publishing_job_notifier() {
  local words
  case "\${COMP_WORDS[*]:1:COMP_CWORD-1} " in
${levels.map((level) => `    ${patternOf(level)}) words='${wordsOf(level)}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _publishing_job_notifier ${bin}`;
}

function zsh(levels: Level[]): string {
  return `_publishing_job_notifier() {
  case "\${(j: :)words[2,CURRENT-1]} " in
${levels.map((level) => `    ${patternOf(level)}) compadd -- ${wordsOf(level)} ;;`).join('\n')}
  esac
}
compdef _publishing_job_notifier ${bin}`;
}

const patternOf = ({ path }: Level): string => [...path, ''].join('\\ ').concat('*');

function fish(levels: Level[]): string {
  const lines = levels.flatMap(({ path, commands, options }) => {
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
    const names = commands.map(({ text }) => text).join(' ');
    const none = path.length === 0 ? '__fish_use_subcommand' : `not __fish_seen_subcommand_from ${names}`;
    const when = (conditions: string[]) => (conditions.length > 0 ? ` -n '${conditions.join('; and ')}'` : '');
    return [
      ...commands.map((one) => `${when([...seen, none])} -f -a ${one.text} -d '${quoted(one, "\\'")}'`),
      ...options.map((one) => `${when(seen)} -l ${one.text.slice(2)} -d '${quoted(one, "\\'")}'`),
    ];
  });
  return lines.map((line) => `complete -c ${bin}${line}`).join('\n');
}

const quoted = ({ description }: Word, quote: string): string => description.replaceAll("'", quote);

function powershell(levels: Level[]): string {
  const entries = levels.map((level) => {
    const words = [...level.commands, ...level.options, { text: '--help', description: 'show this help' }];
    const items = words.map((one) => `      @('${one.text}', '${quoted(one, "''")}')`);
    return `    '${level.path.join(' ')}' = @(\n${items.join('\n')}\n    )`;
  });
  return `Register-ArgumentCompleter -Native -CommandName ${bin} -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $levels = @{
${entries.join('\n')}
  }
  $path = ''
  foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
    $deeper = "$path $element".Trim()
    if ($levels.ContainsKey($deeper)) { $path = $deeper }
  }
  $levels[$path] | Where-Object { $_[0] -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterName', $_[1])
  }
}`;
}
