/** What the page does: it listens to the notifier, and gives each part what concerns it. */
import { setUpBreaks, showBreaks, showCounts } from './breaks.js';
import { connect } from './connection.js';
import { byId } from './elements.js';
import { setUpFeed, showMessage, showMessages } from './feed.js';
import { lightUp, lightUpChannel, setUpFlow, showTroublesInFlow } from './flow.js';
import { forgetJobs, setUpJobs, showJobs } from './jobs.js';
import { setUpSimulation } from './simulation.js';
import { setUpTrial } from './trial.js';
import { showTroubles } from './troubles.js';

let isFirst = true;

connect({
  state: (state) => {
    document.body.classList.toggle('demo', state.isDemo);
    document.body.classList.toggle('real', !state.isDemo);
    if (isFirst) {
      setUpFlow(state);
      setUpJobs(state);
      setUpTrial(state);
      setUpFeed(state);
      if (state.isDemo) setUpBreaks();
      if (state.isDemo) setUpSimulation();
      byId('main').removeAttribute('aria-busy');
    }
    isFirst = false;
    showMessages(state.messages);
  },
  jobs: (rows) => {
    for (const change of showJobs(rows)) lightUp(change);
  },
  gone: forgetJobs,
  message: (message) => {
    showMessage(message);
    lightUpChannel(message.channel);
  },
  troubles: (troubles) => {
    showTroubles(troubles);
    showTroublesInFlow(troubles);
  },
  counts: showCounts,
  breaks: showBreaks,
});
