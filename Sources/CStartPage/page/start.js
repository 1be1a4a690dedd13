"use strict";

const $ = (id) => document.getElementById(id);
const clips = new Map(); // id -> Video object
let shown = null; // id of the clip on the stage
let follower = null; // AbortController of the stream that is read
let pollTimer = 0;
let videoAddress = null; // object URL of the clip on the stage
const pictures = new Map(); // id -> address of its thumbnail

class Refusal extends Error {
  constructor(status, error) {
    super((error && error.message) || `the server answered ${status}`);
    this.status = status;
    this.parameter = error && error.param;
  }
}

const key = () => sessionStorage.getItem("wan-infer-key") || "";
const headers = (more) => (key() ? { ...more, Authorization: `Bearer ${key()}` } : { ...more });
const isOpen = (clip) => clip.status === "queued" || clip.status === "in_progress";
const address = (id, rest = "") => `/v1/videos/${encodeURIComponent(id)}${rest}`;

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

const json = async (path, options) => (await call(path, options)).json();

// Shown to people.

function duration(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function explain(error) {
  if (!(error instanceof Refusal)) return "The server cannot be reached. Is it still running?";
  if (error.status === 401) return "This server wants an API key: enter it at the top right.";
  return error.message.charAt(0).toUpperCase() + error.message.slice(1) + ".";
}

function complain(place, error) {
  place.hidden = !error;
  place.textContent = error ? explain(error) : "";
  if (error instanceof Refusal && error.status === 401) { $("access").open = true; }
}

const stages = { load: "loading the model", text: "reading the prompt", denoise: "drawing", decode: "decoding" };

function describe(clip) {
  if (clip.status === "queued") {
    const ahead = clip.queue_position > 1 ? `${clip.queue_position - 1} in front of it` : "next in line";
    return "Queued, " + ahead + eta(clip);
  }
  if (clip.status === "in_progress") {
    const step = clip.steps_total > 1 && clip.stage === "denoise" ? ` (step ${Math.min(clip.step + 1, clip.steps_total)} of ${clip.steps_total})` : "";
    return "Working: " + (stages[clip.stage] || "starting") + step + eta(clip);
  }
  if (clip.status === "completed") return clip.expired ? "Finished, but its file is gone" : "Finished";
  return clip.error && clip.error.code === "cancelled" ? "Cancelled" : "Failed";
}

function eta(clip) {
  return clip.eta_seconds > 0 ? `, about ${duration(clip.eta_seconds)} left` : "";
}

function facts(clip) {
  const made = clip.completed_at && clip.started_at ? `made in ${duration(clip.completed_at - clip.started_at)}` : "";
  return [clip.model, clip.size, clip.seconds && `${clip.seconds} s`, clip.seed != null && `seed ${clip.seed}`, made]
    .filter(Boolean).join(" · ");
}

// The stage.

function draw() {
  const clip = clips.get(shown);
  const open = Boolean(clip) && isOpen(clip);
  const failed = Boolean(clip) && clip.status === "failed";
  const done = Boolean(clip) && clip.status === "completed" && !clip.expired;
  $("empty").hidden = Boolean(clip) && (open || done || failed);
  $("work").hidden = !open;
  $("video").hidden = !done;
  $("cancel").hidden = !open;
  $("download").hidden = !done;
  $("again").hidden = !clip || open;
  $("delete").hidden = !clip || open;
  setText("state", clip ? describe(clip) : "");
  setText("clip-prompt", (clip && clip.prompt) || "");
  setText("clip-facts", clip ? facts(clip) : "");
  setText("percent", open ? (clip.status === "queued" ? "…" : `${clip.progress || 0} %`) : "");
  if (open && clip.status === "in_progress") $("progress").value = clip.progress || 0;
  else $("progress").removeAttribute("value");
  complain($("clip-error"), null);
  if (failed && clip.error && clip.error.code !== "cancelled") {
    complain($("clip-error"), new Refusal(0, { message: clip.error.message }));
  } else if (failed) {
    $("empty").hidden = false;
  }
  setText("empty", failed ? "Cancelled." : "The clip appears here.");
  document.title = open ? `${clip.progress || 0} % · wan-infer` : "wan-infer";
}

// A live region must not repeat what it has said.
function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

async function play(id) {
  const video = $("video");
  if (video.dataset.id === id) return;
  video.dataset.id = id;
  if (videoAddress) URL.revokeObjectURL(videoAddress);
  videoAddress = null;
  video.removeAttribute("src");
  let source = address(id, "/content");
  try {
    if (key()) {
      // A video element sends no key.
      const blob = await (await call(source)).blob();
      if (shown !== id) return;
      source = videoAddress = URL.createObjectURL(blob);
    }
    video.src = source;
    $("download").href = source;
    $("download").download = `${id}.mp4`;
    await video.play().catch(() => {});
  } catch (error) {
    delete video.dataset.id;
    if (error.status === 410) clips.get(id).expired = true;
    draw();
    complain($("clip-error"), error);
  }
}

$("video").addEventListener("error", () => {
  if (!$("video").dataset.id || !$("video").src) return;
  delete $("video").dataset.id;
  complain($("clip-error"), new Refusal(0, { message: "the clip cannot be played; its file may have expired" }));
});

function show(id, focus = false) {
  if (shown !== id) {
    $("video").pause();
    shown = id;
    follow(id);
  }
  draw();
  list();
  const clip = clips.get(id);
  if (clip && clip.status === "completed") play(id);
  if (focus) {
    $("clip-title").focus({ preventScroll: true });
    $("clip").scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
}

function take(clip) {
  const before = clips.get(clip.id) || {};
  // An answer that was overtaken by events knows less than they do; what is finished stays so.
  if (before.status && !isOpen(before) && isOpen(clip)) return;
  if (isOpen(clip) && (clip.progress || 0) < (before.progress || 0)) {
    clip = { ...clip };
    for (const name of ["progress", "stage", "step", "steps_total"]) delete clip[name];
  }
  clips.set(clip.id, { ...before, ...clip });
  if (clip.id === shown) {
    draw();
    if (clip.status === "completed") play(clip.id);
  }
  if (clip.status !== before.status) list();
  else card(clip.id);
}

// Events: a stream that is read with fetch, since EventSource sends no key; where it breaks, the clip is asked for.

async function follow(id) {
  if (follower) follower.abort();
  clearTimeout(pollTimer);
  const clip = clips.get(id);
  if (!clip || !isOpen(clip)) return;
  const mine = (follower = new AbortController());
  look(id, mine);
  let last = "";
  while (!mine.signal.aborted && isOpen(clips.get(id) || { status: "" })) {
    try {
      const answer = await call(address(id, "/events"), {
        headers: last ? { "Last-Event-ID": last } : {}, signal: mine.signal,
      });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value.replaceAll("\r\n", "\n");
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) last = hear(id, event) || last;
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error.status === 404) return forget(id);
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

function hear(id, text) {
  let number = "", kind = "", data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("id:")) number = line.slice(3).trim();
    else if (line.startsWith("event:")) kind = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5);
  }
  if (!data) return number;
  let fields;
  try { fields = JSON.parse(data); } catch { return number; }
  // Step by step the clip is in progress, whatever the last look said.
  if (kind === "progress") take({ status: "in_progress", ...fields, id, queue_position: null });
  else if (kind === "completed" || kind === "failed") take({ ...fields, id, status: kind });
  else take({ status: clips.get(id).status, ...fields, id });
  return number;
}

/// Asks for the clip itself now and then: place in the line and time left are not in every event.
async function look(id, mine) {
  let wait = 2000;
  try {
    const clip = await json(address(id), { signal: mine.signal });
    if (mine.signal.aborted) return;
    take(clip);
    complain($("new-error"), null);
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error.status === 404) return forget(id);
    complain($("new-error"), error);
    wait = 5000;
  }
  const clip = clips.get(id);
  if (clip && isOpen(clip)) pollTimer = setTimeout(() => look(id, mine), wait);
}

// The list.

function forget(id) {
  clips.delete(id);
  const picture = pictures.get(id);
  if (picture && picture.startsWith("blob:")) URL.revokeObjectURL(picture);
  pictures.delete(id);
  if (shown === id) {
    if (follower) follower.abort();
    $("video").pause();
    $("video").removeAttribute("src");
    delete $("video").dataset.id;
    shown = null;
    draw();
  }
  list();
}

function list() {
  const sorted = [...clips.values()].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1));
  $("list-empty").hidden = sorted.length > 0;
  const cards = sorted.map((clip) => $(`card-${clip.id}`) || newCard(clip.id));
  const focused = document.activeElement;
  $("list").replaceChildren(...cards);
  if (focused && focused.closest && focused.closest("#list")) focused.focus();
  for (const clip of sorted) card(clip.id);
}

function newCard(id) {
  const item = document.createElement("li");
  item.id = `card-${id}`;
  const button = document.createElement("button");
  button.type = "button";
  for (const name of ["picture", "caption", "meta"]) {
    const part = document.createElement("span");
    part.className = name;
    button.append(part);
  }
  button.addEventListener("click", () => show(id, true));
  item.append(button);
  return item;
}

function card(id) {
  const clip = clips.get(id);
  const item = $(`card-${id}`);
  if (!clip || !item) return;
  const button = item.firstChild;
  const [picture, caption, meta] = button.children;
  button.setAttribute("aria-current", String(id === shown));
  caption.textContent = clip.prompt || "clip";
  meta.textContent = clip.status === "completed" ? `${clip.size}, ${clip.seconds} s` : describe(clip).split(/[,:]/)[0];
  meta.classList.toggle("failed", clip.status === "failed" && !(clip.error && clip.error.code === "cancelled"));
  if (clip.status === "completed" && !clip.expired) thumbnail(id, picture);
  else picture.textContent = clip.status === "in_progress" ? `${clip.progress || 0} %` : isOpen(clip) ? "…" : "–";
}

async function thumbnail(id, place) {
  if (place.firstChild && place.firstChild.nodeName === "IMG") return;
  let source = pictures.get(id);
  // "" while it is fetched, and for ever where it cannot be.
  if (source === "") return;
  if (!source) {
    pictures.set(id, "");
    place.textContent = "▶";
    source = address(id, "/content?variant=thumbnail");
    if (key()) {
      try { source = URL.createObjectURL(await (await call(source)).blob()); } catch { return; }
    }
    pictures.set(id, source);
  }
  const image = document.createElement("img");
  image.alt = "";
  image.loading = "lazy";
  image.addEventListener("error", () => {
    pictures.set(id, "");
    place.textContent = "▶";
  });
  image.src = source;
  place.replaceChildren(image);
}

async function refresh(after = "") {
  try {
    const page = await json(`/v1/videos?limit=20${after ? `&after=${encodeURIComponent(after)}` : ""}`);
    for (const clip of page.data) take(clip);
    $("older").hidden = !page.has_more;
    $("older").dataset.after = page.last_id || "";
    list();
    complain($("new-error"), null);
  } catch (error) {
    complain($("new-error"), error);
  }
}

async function begin() {
  try {
    const models = await json("/v1/models");
    $("model").textContent = models.data.map((model) => model.id).join(", ");
  } catch { /* the list says what is wrong */ }
  await refresh();
  const open = [...clips.values()].find(isOpen);
  if (open && !shown) show(open.id);
}

// What people do.

$("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { prompt: $("prompt").value };
  for (const name of ["size", "seconds"]) if ($(name).value) body[name] = $(name).value;
  if ($("seed").value) body.seed = Number($("seed").value);
  if ($("quality").value !== "standard") body.quality = $("quality").value;
  $("make").disabled = true;
  complain($("new-error"), null);
  try {
    const clip = await json("/v1/videos", {
      method: "POST", body: JSON.stringify(body),
      // The same click sent twice, as after a broken connection, is one clip.
      headers: { "Content-Type": "application/json", "Idempotency-Key": identifier() },
    });
    clips.set(clip.id, clip);
    show(clip.id, true);
  } catch (error) {
    complain($("new-error"), error);
    const field = error.parameter && $(error.parameter);
    if (field) {
      if (field.closest("details")) field.closest("details").open = true;
      field.focus();
    }
  } finally {
    $("make").disabled = false;
  }
});

function identifier() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("new").requestSubmit();
});

$("cancel").addEventListener("click", async () => {
  const id = shown;
  $("cancel").disabled = true;
  try {
    take(await json(address(id, "/cancel"), { method: "POST" }));
  } catch (error) {
    complain($("clip-error"), error);
  } finally {
    $("cancel").disabled = false;
  }
});

$("delete").addEventListener("click", async () => {
  const id = shown;
  if (!confirm("Delete this clip for good?")) return;
  try {
    await call(address(id), { method: "DELETE" });
    forget(id);
    $("prompt").focus();
  } catch (error) {
    complain($("clip-error"), error);
  }
});

$("again").addEventListener("click", () => {
  const clip = clips.get(shown);
  $("prompt").value = clip.prompt || "";
  $("size").value = clip.size || "";
  $("seconds").value = clip.seconds || "";
  $("seed").value = clip.seed != null ? clip.seed : "";
  $("more").open = true;
  $("prompt").focus();
});

$("older").addEventListener("click", () => refresh($("older").dataset.after));

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("key").value.trim();
  if (text) sessionStorage.setItem("wan-infer-key", text);
  else sessionStorage.removeItem("wan-infer-key");
  $("key").value = "";
  $("access").open = false;
  clips.clear();
  pictures.clear();
  shown = null;
  draw();
  list();
  begin();
});

// Clips that others make, and those of this person in other tabs.
setInterval(() => { if (!document.hidden) refresh(); }, 10000);

begin();
