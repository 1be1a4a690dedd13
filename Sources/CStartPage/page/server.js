"use strict";

// The server: calls, keys, and what went wrong in words.

const $ = (id) => document.getElementById(id);

class Refusal extends Error {
  constructor(status, error) {
    super((error && error.message) || `the server answered ${status}`);
    this.status = status;
    this.parameter = error && error.param;
  }
}

const key = () => sessionStorage.getItem("wan-infer-key") || "";
const headers = (more) => (key() ? { ...more, Authorization: `Bearer ${key()}` } : { ...more });
// Beside the page, wherever a proxy has put it.
const address = (id, rest = "") => `v1/videos/${encodeURIComponent(id)}${rest}`;

async function refusal(answer) {
  let error = null;
  try { error = (await answer.json()).error; } catch { /* not ours: the status must do */ }
  return new Refusal(answer.status, error);
}

async function call(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: headers(options.headers), cache: "no-store" });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

// Seeds have 64 bits, numbers here 53: they stay text. Within a text the quotes are escaped, so nothing else fits.
const parse = (text) => JSON.parse(text.replace(/"seed":\s*(\d+)/g, '"seed": "$1"'));

const json = async (path, options) => parse(await (await call(path, options)).text());

/// Why a key cannot be one; null where it may be.
function keyProblem(text) {
  if (/\s/.test(text)) return "That is more than a key: of a line of the key file, enter the second word alone.";
  if (!/^[\x21-\x7e]*$/.test(text)) return "Keys have letters without accents, digits and signs alone; this one has others.";
  return null;
}

function explain(error) {
  if (!(error instanceof Refusal)) return "The server cannot be reached. Is it still running?";
  if (error.status === 401 && !key()) return "This server wants an API key: enter it at the top right.";
  if (error.status === 401) return "The server does not know this API key: enter another one at the top right.";
  return error.message.charAt(0).toUpperCase() + error.message.slice(1) + ".";
}

function complain(place, error, about = "") {
  // What asks again by itself takes back no complaint but its own.
  if (!error && about && place.dataset.about !== about) return;
  place.dataset.about = about;
  place.hidden = !error;
  place.textContent = error ? explain(error) : "";
  if (error instanceof Refusal && error.status === 401) { $("access").open = true; }
}
