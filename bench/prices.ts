/**
 * List prices in USD for us-east-1, without any free tier, as on AWS's price pages in November 2026.
 * eu-west-1, the default region of serverless.yml, is about an eighth more expensive for the table and the logs, and
 * equal for Lambda.
 */
export const prices = {
  readOn: '2026-11',
  region: 'us-east-1',
  // https://aws.amazon.com/lambda/pricing/ (Arm)
  lambdaRequest: 0.2 / 1e6,
  lambdaGbSecond: 0.0000133334,
  // https://aws.amazon.com/lambda/pricing/ (durable functions)
  durableOperation: 8 / 1e6,
  durableWrittenGb: 0.25,
  durableKeptGbMonth: 0.15,
  // https://aws.amazon.com/dynamodb/pricing/on-demand/
  readUnit: 0.125 / 1e6,
  writeUnit: 0.625 / 1e6,
  tableGbMonth: 0.25,
  tableRecoveryGbMonth: 0.2,
  // https://aws.amazon.com/api-gateway/pricing/ (HTTP API)
  httpApiCall: 1 / 1e6,
  // https://aws.amazon.com/sns/pricing/ (standard topic)
  snsPublish: 0.5 / 1e6,
  // https://aws.amazon.com/sqs/pricing/ (standard queue)
  sqsRequest: 0.4 / 1e6,
  // https://aws.amazon.com/cloudwatch/pricing/
  logsGb: 0.5,
  logsKeptGbMonth: 0.03,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  dashboardMonth: 3,
  // https://aws.amazon.com/kms/pricing/
  kmsRequest: 0.03 / 1e4,
  // https://aws.amazon.com/step-functions/pricing/ (standard workflows)
  stateTransition: 0.025 / 1e3,
  // https://aws.amazon.com/fargate/pricing/ (Linux, Arm); https://aws.amazon.com/vpc/pricing/ (public IPv4 address)
  fargateCpuHour: 0.03238,
  fargateGbHour: 0.00356,
  ipAddressHour: 0.005,
} as const;
