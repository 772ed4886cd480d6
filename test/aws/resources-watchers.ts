/** What calls the functions, and what watches them: rules, alarms, the dashboard. */

import { CloudWatchClient, DescribeAlarmsCommand, GetDashboardCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeRuleCommand, EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import type { Report } from './report.ts';
import type { Deployment } from './resources.ts';
import type { Resource } from './stack.ts';

export async function checkWatchers(report: Report, deployment: Deployment): Promise<void> {
  const { aws, stack } = deployment;
  for (const rule of stack.made('AWS::Events::Rule')) await checkRule(report, deployment, rule);

  const client = new CloudWatchClient(aws);
  for (const { physicalId } of stack.made('AWS::CloudWatch::Alarm')) {
    await report.check(`the alarm ${physicalId} tells somebody`, [1, true], async () => {
      const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [physicalId] }));
      const [alarm] = MetricAlarms;
      return [MetricAlarms.length, Boolean(alarm?.ActionsEnabled && alarm.AlarmActions?.length)];
    });
  }
  for (const { physicalId: DashboardName } of stack.made('AWS::CloudWatch::Dashboard')) {
    await report.check(`the dashboard ${DashboardName} can be read`, true, async () => {
      const { DashboardBody = '{}' } = await client.send(new GetDashboardCommand({ DashboardName }));
      return JSON.parse(DashboardBody).widgets.length > 0;
    });
  }
}

async function checkRule(report: Report, { aws, stack }: Deployment, { properties, logicalId, physicalId }: Resource) {
  const client = new EventBridgeClient(aws);
  const [target] = properties['Targets'];
  const [functionId] = target.Arn['Fn::GetAtt'];
  const { ScheduleExpression, EventPattern } = properties;
  const what = ScheduleExpression ?? JSON.stringify(EventPattern);
  await report.check(
    `${what} calls ${stack.physicalId(functionId)}`,
    { State: 'ENABLED', ScheduleExpression, EventPattern, targets: [functionId] },
    async () => {
      // The name of a rule on the default bus is its id; elsewhere the bus stands before it.
      const Name = physicalId.split('|').at(-1) ?? logicalId;
      const rule = await client.send(new DescribeRuleCommand({ Name }));
      const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: Name }));
      const isFunction = (Arn: string | undefined, id: string) => Arn?.endsWith(`:${stack.physicalId(id)}`);
      return {
        ...rule,
        EventPattern: rule.EventPattern && JSON.parse(rule.EventPattern),
        targets: Targets.map(({ Arn }) => (isFunction(Arn, functionId) ? functionId : Arn)),
      };
    },
  );
}
