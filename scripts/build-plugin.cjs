/**
 * Plugin of the Serverless Framework: `serverless package` and `deploy` check the configuration of the stage and build by
 * themselves, so that they never ship an earlier one. The stack has outputs that say what it was deployed with.
 */
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

module.exports = class BuildPlugin {
  constructor(serverless) {
    this.hooks = {
      'before:package:initialize': () => build(serverless),
      'before:package:function:package': () => build(serverless),
    };
  }
};

function build(serverless) {
  const cwd = serverless.serviceDir;
  const { stage } = serverless.service.provider;
  const script = ['-r', './scripts/require-node-24.cjs', 'scripts/build.ts', '--stage', stage];
  const { status, stderr } = spawnSync(process.execPath, script, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new serverless.classes.Error(stderr.trim() || 'The build failed', 'BUILD_FAILED');
  const { outputs, parameters } = JSON.parse(readFileSync(join(cwd, 'dist/deployment.json'), 'utf8'));
  const { resources } = serverless.service;
  for (const { Type, Properties } of Object.values(resources.Resources)) {
    if (Type === 'AWS::IAM::Role') allowOnly(parameters, Properties.Policies);
  }
  const added = Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }]));
  serverless.service.resources = { ...resources, Outputs: { ...resources.Outputs, ...added } };
}

/** Lets a role read the parameters that the configuration names, so that a stage cannot read those of another one. */
function allowOnly(parameters, policies) {
  // The inline policies of a role may have 10,240 characters.
  const names = parameters.length > 40 ? parameters.map((name) => name.replace(/[^/]+$/, '*')) : parameters;
  const Resource = [...new Set(names)].map((name) => ({
    'Fn::Sub': `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter${name}`,
  }));
  for (const { PolicyDocument } of policies) {
    PolicyDocument.Statement = PolicyDocument.Statement.flatMap((statement) => {
      if (statement.Action !== 'ssm:GetParameters') return statement;
      return Resource.length > 0 ? { ...statement, Resource } : [];
    });
  }
}
