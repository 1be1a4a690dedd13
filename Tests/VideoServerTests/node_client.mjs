// node_client.mjs URL KEY: orders clips as a JavaScript program would, with nothing but node's own fetch and FormData.
// Prints what it found as JSON.
const [url, key] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };
const found = {};

const form = new FormData();
for (const [name, text] of [["prompt", "a cat"], ["size", "48x32"], ["num_frames", "5"], ["num_inference_steps", "1"]]) {
  form.append(name, text);
}
const ordered = await fetch(`${url}/v1/videos`, { method: "POST", headers, body: form });
found.form = [ordered.status, (await ordered.json()).num_frames];

// As a page sends a field of a file that nobody chose, and a picture as a Blob.
form.append("input_reference", new Blob([]), "");
found.empty_file = (await fetch(`${url}/v1/videos`, { method: "POST", headers, body: form })).status;

const json = { ...headers, "Content-Type": "application/json" };
const exact = await fetch(`${url}/v1/videos?`, {
  method: "POST", headers: { ...json, Prefer: "wait=30" },
  body: JSON.stringify({ prompt: "x", seed: String(2n ** 63n + 1n), num_frames: 5.0, num_inference_steps: 1 }),
});
const text = await exact.text();
found.seed = text.match(/"seed": (\d+)/)[1];
const clip = JSON.parse(text);
found.status = clip.status;

const answer = await fetch(`${url}//v1/videos/${clip.id}/content/`, { headers });
const bytes = new Uint8Array(await answer.arrayBuffer());
found.content = [answer.status, String.fromCharCode(...bytes.slice(4, 8))];

let events = "";
for await (const piece of (await fetch(`${url}/v1/videos/${clip.id}/events`, { headers })).body) {
  events += new TextDecoder().decode(piece);
}
found.events = events.includes("event: completed");
found.deleted = (await fetch(`${url}/v1/videos/${clip.id}`, { method: "DELETE", headers })).status;
console.log(JSON.stringify(found));
