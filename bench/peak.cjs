/** The most memory that was resident in this process, in kilobytes. */

const { existsSync, readFileSync } = require('node:fs');

// Not `maxRSS`, where there is something better: that begins with the peak of the parent process.
exports.peakKilobytes = () => {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
};
