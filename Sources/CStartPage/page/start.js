"use strict";

// What people do.

const promptBytes = 8192;
const numbers = ["num_frames", "fps", "num_inference_steps", "guidance_scale", "guidance_scale_2", "flow_shift"];
// In words as they are, so that not a bit of them is lost.
const texts = ["negative_prompt", "size", "seconds", "seed"];

const pictureFields = ["input_reference", "input_reference_last"];

/// A chosen file as the API takes one in JSON.
function asURL(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refusal(0, { message: `${file.name} cannot be read` }));
    reader.readAsDataURL(file);
  });
}

/// The order as the form has it.
async function ordered() {
  const body = { prompt: $("prompt").value };
  for (const name of [...texts, ...numbers]) {
    const field = $(name);
    // Empty means the default, unless the settings of a clip have put it there.
    if (!field.value && field.dataset.exact !== "") continue;
    body[name] = numbers.includes(name) ? Number(field.value) : field.value;
  }
  if ($("quality").value !== "standard") body.quality = $("quality").value;
  if ($("vae_tiling").checked) body.vae_tiling = true;
  for (const name of pictureFields) {
    const file = $(name).files[0];
    if (file) body[name] = { image_url: await asURL(file) };
  }
  return body;
}

$("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const bytes = new TextEncoder().encode($("prompt").value).length;
  if (bytes > promptBytes) {
    return complain($("new-error"), new Refusal(0, {
      message: `the prompt has ${bytes} bytes, ${promptBytes} are read; letters beyond English take two to four`,
    }));
  }
  $("make").disabled = true;
  complain($("new-error"), null);
  try {
    const clip = await json("v1/videos", {
      method: "POST", body: JSON.stringify(await ordered()),
      // The same click sent twice, as after a broken connection, is one clip.
      headers: { "Content-Type": "application/json", "Idempotency-Key": identifier() },
    });
    born.set(clip.id, performance.now());
    clips.set(clip.id, clip);
    order = [clip.id, ...order.filter((id) => id !== clip.id)];
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

$("new").addEventListener("input", (event) => { delete event.target.dataset.exact; });

// A picture that is dropped on the form is the first one, or the last where there is a first.
$("new").addEventListener("dragover", (event) => {
  if (!$("first-picture").hidden) event.preventDefault();
});

$("new").addEventListener("drop", (event) => {
  const file = event.dataTransfer.files[0];
  if ($("first-picture").hidden || !file) return;
  event.preventDefault();
  const isLast = $("input_reference").files.length > 0 && !$("last-picture").hidden;
  $(isLast ? "input_reference_last" : "input_reference").files = event.dataTransfer.files;
});

$("example").addEventListener("click", () => {
  $("prompt").value = $("prompt").placeholder;
  $("prompt").focus();
});

$("cancel").addEventListener("click", async () => {
  const id = shown;
  $("cancel").disabled = true;
  try {
    take(await json(address(id, "/cancel"), { method: "POST" }));
  } catch (error) {
    if (error.status === 404) forget(id);
    else complain($("clip-error"), error);
  } finally {
    $("cancel").disabled = false;
  }
});

$("delete").addEventListener("click", async () => {
  const id = shown;
  if (!confirm("Delete this clip for good?")) return;
  try {
    await call(address(id), { method: "DELETE" });
  } catch (error) {
    // Somebody was faster.
    if (error.status !== 404) return complain($("clip-error"), error);
  }
  forget(id);
  $("prompt").focus();
});

/// Every setting of the clip that is shown, so that the same order makes the same clip.
$("again").addEventListener("click", () => {
  const clip = clips.get(shown);
  $("prompt").value = clip.prompt || "";
  for (const name of [...texts, ...numbers]) {
    // The frames say it exactly.
    const value = name === "seconds" || clip[name] == null ? null : String(clip[name]);
    $(name).value = value || "";
    if (value === null) delete $(name).dataset.exact;
    else $(name).dataset.exact = value;
  }
  $("vae_tiling").checked = Boolean(clip.vae_tiling);
  // Its meaning is in the steps.
  $("quality").value = "standard";
  $("more").open = true;
  $("prompt").focus();
});

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("key").value.trim();
  const problem = keyProblem(text);
  $("key-error").hidden = !problem;
  $("key-error").textContent = problem || "";
  if (problem) return;
  if (text) sessionStorage.setItem("wan-infer-key", text);
  else sessionStorage.removeItem("wan-infer-key");
  $("key").value = "";
  $("access").open = false;
  if (follower) follower.abort();
  for (const known of [clips, pictures, born]) known.clear();
  order = [];
  wanted = 20;
  shown = null;
  draw();
  list();
  begin();
});

async function begin() {
  try {
    const models = await json("v1/models");
    $("model").textContent = models.data.map((model) => model.id).join(", ");
    $("router").hidden = !models.data.some((model) => model.id === "router");
    $("prompt").placeholder = (models.data[0] && models.data[0].sample_prompt) || "";
    $("example").hidden = !$("prompt").placeholder;
    const taken = (await json("v1/capabilities")).limits.max_reference_images;
    $("first-picture").hidden = taken < 1;
    $("last-picture").hidden = taken < 2;
  } catch { /* the list says what is wrong */ }
  await refresh();
  const newest = order.map((id) => clips.get(id));
  const clip = newest.find(isOpen) || newest.find((known) => known.status === "completed");
  if (clip && !shown) show(clip.id);
}

// Clips that others make, and those of this person in other tabs.
setInterval(() => { if (!document.hidden) refresh(); }, 10000);

draw();
begin();
