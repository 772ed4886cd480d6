/** The manifest of the app for the channel type `slack-app`. `npm run schema` writes it to docs/slack-app.yml. */

/** https://docs.slack.dev/reference/app-manifest/ */
export const slackAppManifest = `# The Slack app of the channel type slack-app (docs/channels.md). Each team makes an app of its own.
display_information:
  name: Publishing jobs
  description: One message per Sitecore publishing job, from its start to its end
features:
  bot_user:
    display_name: Publishing jobs
    always_online: false
oauth_config:
  scopes:
    bot:
      # To post and to edit.
      - chat:write
      # To find a message whose response was lost, so that it is not sent twice: in public channels, in private
      # channels, and in direct messages (channel: starter).
      - channels:history
      - groups:history
      - im:history
      - im:write
settings:
  org_deploy_enabled: false
  socket_mode_enabled: false
  token_rotation_enabled: false
`;

const withoutComments = slackAppManifest.replace(/^ *#.*\n/gm, '');

/** Opens the page of Slack that creates the app. */
export const slackAppLink = `https://api.slack.com/apps?new_app=1&manifest_yaml=${encodeURIComponent(withoutComments)}`;
