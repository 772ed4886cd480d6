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
  const stage = serverless.service.provider.stage;
  const script = ['-r', './scripts/require-node-24.cjs', 'scripts/build.ts', '--stage', stage];
  const { status, stderr } = spawnSync(process.execPath, script, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new serverless.classes.Error(stderr.trim() || 'The build failed', 'BUILD_FAILED');
  const { outputs, ofStageOnly } = JSON.parse(readFileSync(join(cwd, 'dist/deployment.json'), 'utf8'));
  const { service, resources } = serverless.service;
  const scoped = ofStageOnly ? scopedTo(stage, service, resources) : resources;
  const added = Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }]));
  serverless.service.resources = { ...scoped, Outputs: { ...scoped.Outputs, ...added } };
}

/** The roles of a stage that needs only its own parameters cannot read those of another stage. */
const scopedTo = (stage, service, resources) =>
  JSON.parse(JSON.stringify(resources).replaceAll(`:parameter/${service}/*`, `:parameter/${service}/${stage}/*`));
