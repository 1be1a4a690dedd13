"""Whether the start page does what its buttons say, in headless Chromium; standard library only.

page_truths.py CHROMIUM URL FOLDER KEY: the service has 45 clips of the key. Writes screenshots into FOLDER and the
findings as JSON to standard output.
"""
import http.client, http.server, json, sys, tempfile, threading, time, urllib.parse, urllib.request
from browser import Browser


class Proxy(http.server.BaseHTTPRequestHandler):
    """Puts the service below /wan/, as proxies in front of several programs do."""
    protocol_version = "HTTP/1.1"
    target = None

    def forward(self):
        if not self.path.startswith("/wan/"):
            self.send_error(404)
            return
        backend = http.client.HTTPConnection(self.target.hostname, self.target.port)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        backend.request(self.command, self.path[4:], body or None, dict(self.headers))
        answer = backend.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            pass
        backend.close()

    do_GET = do_POST = do_DELETE = do_HEAD = forward

    def log_message(self, *arguments):
        pass


def api(url, key, method, path, body=None):
    request = urllib.request.Request(
        url.rstrip("/") + path, body and json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def enter_key(page, key):
    page.run("document.querySelector('#access').open = true")
    page.run("document.querySelector('#key').focus()")
    page.run("document.querySelector('#key').value = ''")
    page.type(key)
    page.press("Enter", "Enter", 13, text="\r")


IDS = "[...document.querySelectorAll('#list li')].map((item) => item.id.slice(5))"
# What a finger could not hit, and whether the page is wider than its window.
SMALL = """[...document.querySelectorAll('button, a.button, input, select, textarea, summary')]
  .filter((x) => x.checkVisibility()).map((x) => (x.type === 'checkbox' ? x.parentElement : x))
  .filter((x) => x.getBoundingClientRect().height < 44)
  .map((x) => x.id || x.textContent)"""
LINES = """(() => { const range = document.createRange();
  range.selectNodeContents(document.querySelector('#model')); return range.getClientRects().length; })()"""


def keys(page, key, found):
    """No key, a key that is none, a wrong one, the right one."""
    error, problem = "document.querySelector('#new-error')", "document.querySelector('#key-error')"
    page.wait(f"!{error}.hidden")
    found["no_key"] = page.run(error + ".textContent")
    for name, text in [("line_of_the_file", "me " + key), ("foreign_letters", "ключ-0123456789abcdef")]:
        enter_key(page, text)
        page.wait(f"!{problem}.hidden")
        found[name] = page.run(problem + ".textContent")
        page.run(f"{problem}.hidden = true")
    enter_key(page, "wrong-0123456789abcdef")
    page.wait(f"!{error}.hidden && {error}.textContent !== {json.dumps(found['no_key'])}")
    found["wrong_key"] = page.run(error + ".textContent")
    enter_key(page, key)
    page.wait("document.querySelectorAll('#list li').length === 20")


def settings(page, url, key, found):
    """Its settings come back to the bit."""
    wish = {"prompt": "exact", "seed": "9007199254740993", "num_inference_steps": 3, "guidance_scale": 5.1,
            "negative_prompt": "red", "fps": 16, "num_frames": 33, "flow_shift": 2.5, "vae_tiling": True, "size": "64x48"}
    for body in [wish, dict(wish, negative_prompt="", vae_tiling=False)]:
        first = api(url, key, "POST", "/v1/videos", body)
        page.run("refresh()")
        page.wait(f"document.querySelector('#card-{first['id']}')")
        page.click(f"#card-{first['id']} button")
        page.wait(f"shown === '{first['id']}' && !document.querySelector('#again').hidden")
        found["seed_shown"] = page.run("document.querySelector('#clip-facts').textContent")
        page.click("#again")
        page.wait("document.querySelector('#more').open")
        page.click("#make")
        page.wait(f"shown !== '{first['id']}'")
        second = api(url, key, "GET", "/v1/videos/" + page.run("shown"))
        names = [*wish, "guidance_scale_2", "seconds"]
        found.setdefault("settings", []).append(
            {name: [first[name], second[name]] for name in names if first[name] != second[name]})


def lists(page, url, key, found):
    """To the last clip, in the server's order, without those that are gone."""
    total = len(api(url, key, "GET", "/v1/videos?limit=100")["data"])
    for count in [40, total]:
        page.click("#older")
        page.wait(f"document.querySelectorAll('#list li').length === {count}")
        page.run("refresh()")
        time.sleep(0.5)
    listed = [clip["id"] for clip in api(url, key, "GET", "/v1/videos?limit=100")["data"]]
    found["all_listed"] = page.run(IDS) == listed and page.run("document.querySelector('#older').hidden")
    page.click(f"#card-{listed[7]} button")
    page.wait(f"shown === '{listed[7]}'")
    for gone in [listed[7], listed[30]]:
        api(url, key, "DELETE", "/v1/videos/" + gone)
    page.run("refresh()")
    page.wait(f"document.querySelectorAll('#list li').length === {total - 2}")
    found["gone"] = page.run("document.querySelector('#empty').textContent")
    # Deleted elsewhere between two looks.
    page.click(f"#card-{listed[9]} button")
    page.wait(f"shown === '{listed[9]}' && !document.querySelector('#delete').hidden")
    api(url, key, "DELETE", "/v1/videos/" + listed[9])
    page.click("#delete")
    page.wait(f"!document.querySelector('#card-{listed[9]}')")
    found["deleted_twice"] = page.run("document.querySelector('#clip-error').hidden")


def sizes(page, found):
    found["small"], found["overflow"], found["model_lines"] = {}, {}, {}
    for width, height in [(320, 640), (390, 844), (1100, 900), (2560, 1440)]:
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 1000)
        for is_open in [True, False]:
            page.run(f"for (const part of document.querySelectorAll('details')) part.open = {json.dumps(is_open)}")
            time.sleep(0.2)
            found["small"].setdefault(str(width), []).extend(page.run(SMALL))
        found["overflow"][str(width)] = page.run(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found["model_lines"][str(width)] = page.run(LINES)
        found.setdefault("widths", {})[str(width)] = page.run("document.body.getBoundingClientRect().width")
        page.shoot(f"{width}.png", whole=False)
        page.run("document.querySelector('#more').open = true")
        page.shoot(f"{width}-more.png")
        page.run("document.querySelector('#more').open = false")


def main(program, url, pictures, key):
    found = {}
    Proxy.target = urllib.parse.urlsplit(url)
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Browser(program, profile, pictures, 1100, 900)
        page.call("Page.navigate", url=f"http://127.0.0.1:{proxy.server_address[1]}/wan/")
        page.wait("document.readyState === 'complete' && document.querySelector('#make')")
        keys(page, key, found)
        newest = api(url, key, "GET", "/v1/videos?limit=1")["data"][0]["id"]
        page.wait(f"shown === '{newest}' && document.querySelector('#video').readyState >= 1")
        found["newest_on_stage"] = page.run("!document.querySelector('#video').hidden")
        page.click("#example")
        page.wait("document.querySelector('#prompt').value")
        sample = api(url, key, "GET", "/v1/models")["data"][0]["sample_prompt"]
        found["example"] = page.run("document.querySelector('#prompt').value") == sample and len(sample) > 5
        settings(page, url, key, found)
        page.wait("[...clips.values()].every((clip) => clip.status === 'completed')")
        lists(page, url, key, found)
        sizes(page, found)
        found["outside"] = page.run("performance.getEntriesByType('resource').map((x) => new URL(x.name))"
                                    ".filter((x) => x.protocol !== 'blob:' && !x.pathname.startsWith('/wan/')).length")
        proxy.shutdown()
        proxy.server_close()
        page.run("refresh()")
        page.wait("!document.querySelector('#new-error').hidden")
        found["no_server"] = page.run("document.querySelector('#new-error').textContent")
        found["exceptions"] = [line for line in page.log if "Error" in line and "http" not in line]
        page.close()
    print(json.dumps(found))


main(*sys.argv[1:5])
