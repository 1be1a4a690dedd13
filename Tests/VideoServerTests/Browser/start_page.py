"""Uses the start page as a person would, in headless Chromium over its debugging pipe; standard library only.

start_page.py CHROMIUM URL FOLDER STATE [KEY]: types a prompt, watches it become a clip, cancels another, deletes one.
Writes screenshots into FOLDER and the findings as JSON to standard output.
"""
import json, os, sys, tempfile, time
from browser import Browser


# How many colours the page's pixels have, and how bright the clip's are: a blank picture has one.
COLOURS = """(async (selector) => {
  const video = document.querySelector(selector);
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 64, 36);
  const data = context.getImageData(0, 0, 64, 36).data;
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
})"""


def let_pass(state, steps):
    """Clips of "fake:held" may make so many steps in all."""
    path = os.path.join(state, "fake-leave")
    with open(path + ".new", "w") as file:
        file.write(str(steps))
    os.rename(path + ".new", path)


def main(program, url, state, key):
    found = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Browser(program, profile, FOLDER, 1200, 900)
        page.call("Emulation.setDeviceMetricsOverride", width=1200, height=900, deviceScaleFactor=1, mobile=False)
        page.look(False)
        page.call("Page.navigate", url=url)
        page.wait("document.readyState === 'complete' && document.querySelector('#make')")
        if key:
            page.wait("!document.querySelector('#new-error').hidden")
            found["asks_for_key"] = page.run("document.querySelector('#new-error').textContent")
            page.run("document.querySelector('#key').focus()")
            page.type(key)
            page.press("Enter", "Enter", 13, text="\r")
        page.wait("document.querySelector('#model').textContent")
        found["model"] = page.run("document.querySelector('#model').textContent")
        found["focus"] = page.run("document.activeElement.id")
        found["labels"] = page.run(
            "[...document.querySelectorAll('input,select,textarea')].every((x) => x.labels.length === 1)")
        page.shoot("empty.png")

        # A refusal is said in words, at its field.
        page.run("document.querySelector('#prompt').focus()")
        page.type("fake:held a red ball <b>rolls</b> over a field")
        page.run("document.querySelector('#size').value = '17x23'")
        page.click("#make")
        page.wait("!document.querySelector('#new-error').hidden")
        found["refusal"] = page.run("document.querySelector('#new-error').textContent")
        found["refused_field"] = page.run("document.activeElement.id")
        # It stays while the list is asked for again.
        found["refusal_later"] = page.run("refresh().then(() => document.querySelector('#new-error').textContent)")
        page.shoot("refused.png")
        page.run("document.querySelector('#size').value = ''")

        # A clip, watched.
        page.run("""window.seen = []; new MutationObserver(() => {
            const value = document.querySelector('#progress').getAttribute('value');
            if (value !== null) window.seen.push(Number(value));
        }).observe(document.querySelector('#progress'), { attributes: true })""")
        page.run("document.querySelector('#prompt').focus()")
        page.press("Enter", "Enter", 13, modifiers=2)
        for steps in range(1, 5):
            before = page.run("window.seen.at(-1) ?? -1")
            let_pass(state, steps)
            page.wait(f"(window.seen.at(-1) ?? -1) > {before}")
        found["working"] = page.run("document.querySelector('#state').textContent")
        page.shoot("working.png")
        let_pass(state, 1000)
        page.wait("document.querySelector('#video').readyState >= 3 && document.querySelector('#video').currentTime > 0")
        found["progress"] = page.run("window.seen")
        found["ready_state"] = page.run("document.querySelector('#video').readyState")
        found["duration"] = page.run("document.querySelector('#video').duration")
        found["colours"] = page.run(COLOURS + "('#video')")
        found["state"] = page.run("document.querySelector('#state').textContent")
        found["prompt"] = page.run("document.querySelector('#clip-prompt').textContent")
        found["injected"] = page.run("document.querySelectorAll('#clip b, #list b').length")
        found["download"] = page.run("""(async () => {
            const link = document.querySelector('#download');
            // With a key it is a blob, which the policy lets nobody fetch: the file behind it then.
            const key = sessionStorage.getItem('wan-infer-key');
            const path = key ? 'v1/videos/' + link.download.replace('.mp4', '/content') : link.href;
            const answer = await fetch(path, key ? { headers: { Authorization: 'Bearer ' + key } } : {});
            const bytes = new Uint8Array(await answer.arrayBuffer());
            return [link.download, link.protocol, bytes.length, String.fromCharCode(...bytes.slice(4, 8))];
        })()""")
        page.wait("document.querySelector('#list .picture').textContent === '▶'"
                  " || document.querySelector('#list img')?.naturalWidth > 0")
        found["thumbnail"] = page.run("document.querySelector('#list img')?.naturalWidth || 0")
        page.wait("document.querySelector('#video').currentTime > 0.3")
        page.shoot("done.png")

        # One that hangs, cancelled.
        let_pass(state, 0)
        page.run("document.querySelector('#prompt').value = 'fake:held a slow one'")
        page.click("#make")
        page.wait("document.querySelectorAll('#list li').length === 2 && !document.querySelector('#cancel').hidden")
        page.click("#cancel")
        page.wait("document.querySelector('#state').textContent === 'Cancelled'")
        found["cancelled"] = page.run("document.querySelector('#cancel').hidden")
        page.look(True)
        page.shoot("dark.png")
        # One that fails says why.
        page.run("document.querySelector('#prompt').value = 'fake:fail=out_of_memory@1 a sad one'")
        page.click("#make")
        page.wait("document.querySelector('#state').textContent === 'Failed'")
        found["failure"] = page.run("document.querySelector('#clip-error').textContent")
        # An earlier clip plays again, by keyboard.
        page.run("[...document.querySelectorAll('#list button')].at(-1).focus()")
        page.press("Enter", "Enter", 13, text="\r")
        page.wait("document.querySelector('#state').textContent === 'Finished' && document.querySelector('#video').readyState >= 3")
        # On a phone.
        page.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
        page.look(False)
        time.sleep(0.3)
        found["overflow"] = page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        page.shoot("phone.png")
        page.click("#delete")
        page.wait("document.querySelectorAll('#list li').length === 2")
        found["left"] = page.run("document.querySelectorAll('#list li').length")
        page.run("document.querySelector('#delete') && 1")
        # Nothing from elsewhere, nothing refused by the policy, no exception.
        found["addresses"] = page.run("performance.getEntriesByType('resource').map((x) => new URL(x.name).origin)"
                                      ".filter((x) => x !== location.origin && x !== 'null')")
        found["stored"] = page.run("[localStorage.length, document.cookie.length]")
        found["log"] = page.log
        page.close()
    print(json.dumps(found))


FOLDER = sys.argv[3]
main(sys.argv[1], sys.argv[2], sys.argv[4], sys.argv[5] if len(sys.argv) > 5 else "")
