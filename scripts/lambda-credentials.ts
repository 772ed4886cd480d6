/**
 * Replaces the SDK's credential chain in the bundles. In Lambda, credentials are always in the environment, and every
 * cold start would load 100 KB of other providers.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
