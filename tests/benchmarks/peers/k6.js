// The same request as ours, in closed loop (VUS) or at a constant arrival rate (RATE). k6 measures each request itself.
import http from 'k6/http';
import { Trend } from 'k6/metrics';

const words = 'the of and to in is that it was for on are as with his they at be this from have or by one had not but';
const body = JSON.stringify({ messages: [{ role: 'user', content: `000000000001 ${words}` }], max_tokens: 20 });
const url = `${__ENV.URL}/openai/deployments/gpt-35-turbo/chat/completions?api-version=2024-02-01`;
const headers = { 'Content-Type': 'application/json', 'api-key': 'none' };
const starts = new Trend('start_ms');

const paced = {
  executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s',
  duration: `${__ENV.SECONDS}s`, preAllocatedVUs: 20,
};
const closed = { executor: 'constant-vus', vus: Number(__ENV.VUS), duration: `${__ENV.SECONDS}s` };

export const options = {
  scenarios: { load: __ENV.RATE ? paced : closed },
  insecureSkipTLSVerify: true,
  discardResponseBodies: true,
};

export default function () {
  if (__ENV.RATE) starts.add(Date.now());
  http.post(url, body, { headers });
}
