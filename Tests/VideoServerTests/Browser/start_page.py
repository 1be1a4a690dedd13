"""Uses the start page as a person would, in headless Chromium over its debugging pipe; standard library only.

start_page.py CHROMIUM URL FOLDER [KEY]: types a prompt, watches it become a clip, cancels another, deletes one.
Writes screenshots into FOLDER and the findings as JSON to standard output.
"""
import base64, json, os, subprocess, sys, tempfile, time


class Browser:
    def __init__(self, program, folder, width, height):
        to_browser, self.out = os.pipe()
        self.inn, from_browser = os.pipe()
        os.set_inheritable(to_browser, True)
        os.set_inheritable(from_browser, True)

        def connect():
            os.dup2(to_browser, 13)
            os.dup2(from_browser, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe", "--hide-scrollbars",
             f"--user-data-dir={folder}", f"--window-size={width},{height}", "about:blank"],
            preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.buffer, self.session, self.log = 0, b"", None, []
        target = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"][0]["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(domain + ".enable")

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                piece = os.read(self.inn, 1 << 20)
                if not piece:
                    raise SystemExit("the browser is gone")
                self.buffer += piece
            line, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("method") == "Log.entryAdded":
                self.log.append(answer["params"]["entry"]["text"] + " " + answer["params"]["entry"].get("url", ""))
            elif answer.get("method") == "Runtime.exceptionThrown":
                details = answer["params"]["exceptionDetails"]
                self.log.append(details.get("exception", {}).get("description") or details["text"])
            elif answer.get("method") == "Page.javascriptDialogOpening":
                self.call("Page.handleJavaScriptDialog", accept=True)
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]

    def run(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > end:
                self.shoot("stuck.png")
                raise SystemExit(f"still not: {condition}; log: {self.log}; page: {self.run('document.body.innerText')}")
            time.sleep(0.03)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press(self, key, code, number, modifiers=0, text=""):
        for kind in ["keyDown", "keyUp"]:
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number,
                      modifiers=modifiers, **({"text": text} if kind == "keyDown" and text else {}))

    def click(self, selector):
        # The confirmation that a click may open blocks the page: the click itself must not be waited for.
        self.run(f"setTimeout(() => document.querySelector({json.dumps(selector)}).click())")

    def shoot(self, name, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(os.path.join(FOLDER, name), "wb") as file:
            file.write(base64.b64decode(data))

    def look(self, dark):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def close(self):
        try:
            self.call("Browser.close")
        except SystemExit:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


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


def main(program, url, key):
    found = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Browser(program, profile, 1200, 900)
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
        page.type("fake:step=0.15 a red ball <b>rolls</b> over a field")
        page.run("document.querySelector('#size').value = '17x23'")
        page.click("#make")
        page.wait("!document.querySelector('#new-error').hidden")
        found["refusal"] = page.run("document.querySelector('#new-error').textContent")
        found["refused_field"] = page.run("document.activeElement.id")
        page.shoot("refused.png")
        page.run("document.querySelector('#size').value = ''")

        # A clip, watched.
        page.run("""window.seen = []; new MutationObserver(() => {
            const value = document.querySelector('#progress').getAttribute('value');
            if (value !== null) window.seen.push(Number(value));
        }).observe(document.querySelector('#progress'), { attributes: true })""")
        page.run("document.querySelector('#prompt').focus()")
        page.press("Enter", "Enter", 13, modifiers=2)
        page.wait("(document.querySelector('#progress').value || 0) > 0", 60)
        time.sleep(0.5)
        found["working"] = page.run("document.querySelector('#state').textContent")
        page.shoot("working.png")
        page.wait("document.querySelector('#video').readyState >= 3 && document.querySelector('#video').currentTime > 0", 90)
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
            const path = key ? '/v1/videos/' + link.download.replace('.mp4', '/content') : link.href;
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
        page.run("document.querySelector('#prompt').value = 'fake:step=2 a slow one'")
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
main(sys.argv[1], sys.argv[2], sys.argv[4] if len(sys.argv) > 4 else "")
