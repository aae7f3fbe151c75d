// Sends one event with the SDK's transport and prints the answer. argv: URL, mode (binary or structured).
const { CloudEvent, Mode, emitterFor, httpTransport } = require("cloudevents");

const [url, mode] = process.argv.slice(2);
const event = new CloudEvent({
  id: "a-1",
  source: "/shop/survey",
  type: "cx.feedback.submitted.v1",
  time: new Date().toISOString(),
  datacontenttype: "application/json",
  data: { feedback_id: "r-1", survey: "nps", score: 9, comment: "schön 😀" },
});
emitterFor(httpTransport(url), { mode: mode === "binary" ? Mode.BINARY : Mode.STRUCTURED })(event)
  .then((answer) => console.log(answer.body));
