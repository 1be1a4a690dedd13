"use strict";

// The clips: the stage, the events of the one that is made, the list.

const clips = new Map(); // id -> Video object
let order = []; // ids as the server lists them, the newest first
let wanted = 20; // how many the list should have
let shown = null; // id of the clip on the stage
let follower = null; // AbortController of the stream that is read
let pollTimer = 0;
let videoAddress = null; // object URL of the clip on the stage
const pictures = new Map(); // id -> address of its thumbnail
const born = new Map(); // id -> when this page ordered it

const isOpen = (clip) => clip.status === "queued" || clip.status === "in_progress";

function duration(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
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

function draw(nothing = "The clip appears here.") {
  const clip = clips.get(shown);
  const open = Boolean(clip) && isOpen(clip);
  const failed = Boolean(clip) && clip.status === "failed";
  const done = Boolean(clip) && clip.status === "completed" && !clip.expired;
  $("empty").hidden = Boolean(clip) && (open || done || failed);
  $("work").hidden = !open;
  $("video").hidden = !done;
  $("stage").classList.toggle("idle", !open && !done);
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
  setText("empty", failed ? "Cancelled." : nothing);
  document.title = open ? `${clip.progress || 0} % · wan-infer` : "wan-infer";
}

// A sketch of the clip in the making: asked for when a step is done, never twice at once, and no more where there is none.

const sketch = { id: null, step: 0, address: null, busy: false };

async function sketchOf(clip) {
  const image = $("preview");
  if (sketch.id !== clip.id || !isOpen(clip)) {
    image.hidden = true;
    if (sketch.address) URL.revokeObjectURL(sketch.address);
    Object.assign(sketch, { id: clip.id, step: 1, address: null });
  }
  if (sketch.busy || clip.stage !== "denoise" || !(clip.step > sketch.step)) return;
  sketch.busy = true;
  const mine = (sketch.step = clip.step);
  try {
    const source = URL.createObjectURL(await (await call(address(clip.id, "/content?variant=preview"))).blob());
    if (shown !== clip.id || sketch.id !== clip.id) return URL.revokeObjectURL(source);
    if (sketch.address) URL.revokeObjectURL(sketch.address);
    image.src = sketch.address = source;
    image.hidden = false;
  } catch {
    // A model without sketches has none at any step.
    if (mine > 3) sketch.step = Infinity;
  } finally {
    sketch.busy = false;
  }
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
    if (error.status === 404) return forget(id);
    if (error.status === 410 && clips.has(id)) clips.get(id).expired = true;
    draw();
    complain($("clip-error"), error);
  }
}

$("video").addEventListener("error", async () => {
  const id = $("video").dataset.id;
  if (!id || !$("video").src) return;
  delete $("video").dataset.id;
  // Why, the element does not say.
  try {
    await call(address(id, "/content"), { method: "HEAD" });
    complain($("clip-error"), new Refusal(0, { message: "the clip cannot be played" }));
  } catch (error) {
    if (error.status === 404) return forget(id);
    if (error.status === 410 && clips.has(id)) clips.get(id).expired = true;
    draw();
    if (error.status !== 410) complain($("clip-error"), error);
  }
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
  if (clip) sketchOf(clip);
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
    sketchOf(clips.get(clip.id));
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
  if (!data || !clips.has(id)) return number;
  let fields;
  try { fields = parse(data); } catch { return number; }
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
    complain($("new-error"), null, "clip");
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error.status === 404) return forget(id);
    complain($("new-error"), error, "clip");
    wait = 5000;
  }
  const clip = clips.get(id);
  if (clip && isOpen(clip)) pollTimer = setTimeout(() => look(id, mine), wait);
}

// The list.

function forget(id) {
  clips.delete(id);
  order = order.filter((known) => known !== id);
  const picture = pictures.get(id);
  if (picture && picture.startsWith("blob:")) URL.revokeObjectURL(picture);
  pictures.delete(id);
  if (shown === id) {
    if (follower) follower.abort();
    $("video").pause();
    $("video").removeAttribute("src");
    delete $("video").dataset.id;
    shown = null;
    draw("This clip has been deleted.");
  }
  list();
}

function list() {
  $("list-empty").hidden = order.length > 0;
  const cards = order.map((id) => $(`card-${id}`) || newCard(id));
  const focused = document.activeElement;
  $("list").replaceChildren(...cards);
  if (focused && focused.closest && focused.closest("#list")) focused.focus();
  for (const id of order) card(id);
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

/// Brings the list to what the server has: the newest `wanted` clips, those that others made or deleted as well.
async function refresh() {
  const start = performance.now();
  const mine = key();
  try {
    const found = [];
    let more = true;
    while (more && found.length < wanted) {
      const limit = Math.min(wanted - found.length, 100);
      const after = found.length ? `&after=${encodeURIComponent(found.at(-1).id)}` : "";
      const page = await json(`v1/videos?limit=${limit}${after}`);
      found.push(...page.data);
      more = page.has_more;
    }
    if (mine !== key()) return;
    const ids = new Set(found.map((clip) => clip.id));
    // What was ordered here while the server answered is not in its answer yet.
    const fresh = order.filter((id) => !ids.has(id) && born.get(id) > start);
    const gone = order.filter((id) => !ids.has(id) && !fresh.includes(id));
    order = [...fresh, ...ids];
    for (const clip of found) take(clip);
    for (const id of gone) {
      // The list may have moved on above a clip that is looked at.
      const isBelow = more && clips.get(id).created_at <= found.at(-1).created_at;
      if (id !== shown || !isBelow) forget(id);
    }
    $("older").hidden = !more;
    list();
    complain($("new-error"), null, "list");
  } catch (error) {
    // A clip that the next page was to follow is gone: the next time.
    if (!(error instanceof Refusal && error.parameter === "after")) complain($("new-error"), error, "list");
  }
}

$("older").addEventListener("click", () => {
  wanted += 20;
  refresh();
});
