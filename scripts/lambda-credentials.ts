/**
 * What the bundles have in place of the SDK's credential chain: in Lambda, credentials are always in the environment,
 * and the other providers are 100 KB that every cold start would load.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
