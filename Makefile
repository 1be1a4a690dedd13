# `make` alone lists the targets. For Debian 12 and 13 and Ubuntu 24.04.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PROMPT ?=
# As typed: no dollar sign is make's, no quote the shell's.
PROMPT_WORD = --prompt='$(subst ','\'',$(value PROMPT))'
BENCH ?=
RELEASES ?= bookworm trixie
TESTS ?=

BUILD_PACKAGES := libdnnl-dev libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libmicrohttpd-dev libsqlite3-dev \
  libssl-dev libcurl4-openssl-dev
# Ubuntu has Chromium as a snap only: what needs it is there named among the skipped.
CHROMIUM := $(if $(shell grep -x 'ID=ubuntu' /etc/os-release 2>/dev/null),,chromium)
TEST_PACKAGES := $(BUILD_PACKAGES) ffmpeg python3-pip $(CHROMIUM) curl openssl zsh fish man-db
BENCH_PACKAGES := $(BUILD_PACKAGES) python3-venv g++ make
SOURCES := Package.swift Sources Tests bench/gpu/Program bench/router
C_SOURCES = $(shell git ls-files 'CKernels/*.c' 'CKernels/*.cuh' 'CKernels/*.h' 'Sources/*.c' 'Sources/*.h' 'Tests/*.cpp' 'Tests/*.h')
PROGRAM := .build/release/wan-infer
# What the linker fixes at the start cannot be written to afterwards.
RELRO := -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now
# The compilers of CUDA that our kernels are tested with, and their disassembler: all run without a GPU.
NVRTC_WHEELS := nvidia-cuda-nvrtc-cu11==11.8.89 nvidia-cuda-nvrtc-cu12==12.0.76 nvidia-cuda-nvrtc-cu12==12.9.86 \
  nvidia-cuda-nvrtc==13.5.37
FURTHER_NVRTC_WHEELS := nvidia-cuda-nvrtc-cu12==12.4.127 nvidia-cuda-nvrtc==13.0.88
# Wheels of oneDNN 3.0 and 3.2 that use GNU's OpenMP, as Debian's does.
ONEDNN_WHEELS := 2023.0.0 2023.2.0
# The client of OpenAI's API that drives the service in the tests.
OPENAI_WHEEL := openai==3.54.0
NVDISASM_WHEEL := nvidia-cuda-nvdisasm==13.5.37
define SWIFT_HINT
  curl -O https://download.swift.org/swiftly/linux/swiftly-$$(uname -m).tar.gz
  tar zxf swiftly-$$(uname -m).tar.gz && ./swiftly init   # where it does not know Debian 13: --platform debian12
as root, what Swift itself needs:
  apt-get install binutils g++ libncurses6 libxml2 libsqlite3-0 libcurl4 zlib1g-dev tzdata
endef
export SWIFT_HINT

# Only a recipe's own word cuts the package down.
unexport WAN_TARGETS

.PHONY: help run test test-long demo build build-release check lint fmt asan tsan nvrtc openai onednn kernels decisions bench
.PHONY: gpu-bench fixtures setup setup-cuda clean swift deb tarball test-install
.PHONY: build-packages test-packages bench-packages package-packages

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

run: build-release ## build the program and write a clip; PROMPT="…" for your own prompt
	@$(PROGRAM) $(if $(value PROMPT),$(PROMPT_WORD)) </dev/null

test: swift test-packages nvrtc openai ## run the whole suite
	swift test

test-long: FURTHER = $(FURTHER_NVRTC_WHEELS)
test-long: swift test-packages nvrtc openai ## the suite with many kills and mutants, all compilers, GPUs and models
	WAN_KILLS=50 WAN_MUTATIONS=3000 WAN_COMPILE_MATRIX=all WAN_DECISIONS=all WAN_GOLDENS=all swift test
	@# What a server keeps can be seen only where nothing else runs.
	for suite in ServerMutationTests ParserMutationTests; do \
	  WAN_HTTP_MUTANTS=100000 swift test --skip-build --filter "HTTPServerTests.$$suite"; done

demo: build-release ## four clips in .build/demo
	@mkdir -p .build/demo
	@for words in "a red circle moves from left to right" "a blue square moves up" \
	  "a yellow triangle moves down" "a white circle stays still"; do \
	  $(PROGRAM) --seed 1 --output "$(CURDIR)/.build/demo/$${words// /-}.mp4" --prompt="$$words"; echo; done

build: swift build-packages ## debug build
	swift build

build-release: swift build-packages ## release build: .build/release/wan-infer
	@# The Swift runtime is linked in: the program starts faster and runs where there is no Swift.
	swift build -c release --product wan-infer --static-swift-stdlib $(RELRO)
	@$(PROGRAM) --version | grep '^wan-infer '

check: lint build test ## what a change must pass

lint: swift ## formatting and style, no changes
	swift format lint --strict --parallel --recursive $(SOURCES) || { echo "make fmt mends the layout"; exit 1; }
	@if command -v clang-format >/dev/null; then clang-format --dry-run -Werror $(C_SOURCES); \
	else echo "clang-format is not installed, C is not checked"; fi

fmt: swift ## format all sources
	swift format --in-place --parallel --recursive $(SOURCES)
	@if command -v clang-format >/dev/null; then clang-format -i $(C_SOURCES); fi

asan: swift test-packages nvrtc openai ## the suite under AddressSanitizer; TESTS="…" for a part of it
	@# Emulated CUDA threads are stacks by the thousand: too many for one shadow stack each.
	$(call of_tests,$(TESTS)) ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0 swift test --sanitize=address --scratch-path .build/asan $(if $(TESTS),--filter '$(TESTS)')

tsan: TSAN_TESTS = $(or $(TESTS),HTTPServerTests|VideoServerTests)
tsan: swift test-packages openai ## the threaded suites under ThreadSanitizer; TESTS="…" for others
	@mkdir -p .build/tsan
	@# What Swift's mutex does in its slow path has to be said: its library is not instrumented.
	clang -shared -fPIC -O1 Tests/ThreadSanitizer/mutex.c -o .build/tsan/mutex.so
	$(call of_tests,$(TSAN_TESTS)) swift build --build-tests --sanitize=thread --scratch-path .build/tsan
	$(call of_tests,$(TSAN_TESTS)) LD_PRELOAD="$$PWD/.build/tsan/mutex.so" swift test --skip-build --sanitize=thread --scratch-path .build/tsan --filter '$(TSAN_TESTS)'

nvrtc: test-packages ## fetch the compilers of CUDA that the kernels are tested with: 0.4 GB in .build/nvrtc
	@fetch() { [ -d ".build/nvrtc/$$1/nvidia" ] || { echo "fetching $$2"; rm -rf ".build/nvrtc/$$1.part"; \
	  python3 -m pip install --quiet --no-deps --target ".build/nvrtc/$$1.part" "$$2" \
	    && mv ".build/nvrtc/$$1.part" ".build/nvrtc/$$1" || { $(offline); }; }; }; \
	for wheel in $(NVRTC_WHEELS) $(FURTHER); do fetch "$${wheel##*==}" "$$wheel"; done; fetch tools $(NVDISASM_WHEEL)

openai: test-packages ## fetch OpenAI's client, which the service is tested with: 40 MB in .build/openai
	@# Parts of it are compiled for one Python: another one fetches it anew.
	@[ -d .build/openai ] && PYTHONPATH=.build/openai python3 -c 'import pydantic_core' 2>/dev/null || { echo "fetching $(OPENAI_WHEEL)"; \
	  rm -rf .build/openai.part .build/openai; \
	  python3 -m pip install --quiet --target .build/openai.part $(OPENAI_WHEEL) && mv .build/openai.part .build/openai \
	  || { $(offline); }; }

onednn: test-packages ## fetch versions of oneDNN that products are asked of: 0.1 GB in .build/onednn
	@for version in $(ONEDNN_WHEELS); do folder=".build/onednn/$$version"; [ -d "$$folder" ] && continue; \
	  echo "fetching onednn-cpu-gomp $$version"; rm -rf "$$folder.part"; \
	  python3 -m pip download --quiet --no-deps --dest "$$folder.part" "onednn-cpu-gomp==$$version" "onednn-devel-cpu-gomp==$$version"; \
	  for wheel in "$$folder.part"/*.whl; do python3 -m zipfile -e "$$wheel" "$$folder.part"; done; \
	  for data in "$$folder.part"/*.data/data; do cp -r "$$data/." "$$folder.part"; done; \
	  rm -rf "$$folder.part"/*.whl "$$folder.part"/*.data "$$folder.part"/share; mv "$$folder.part" "$$folder"; done

decisions: PART = $(call of_tests,PipelinesTests)
decisions: swift build-packages onednn ## ask three versions of oneDNN who would compute what; minutes
	$(PART) WAN_DECISIONS=all swift test --filter SlowPathTests
	@# The program has the major version of the header that it was built with.
	$(PART) swift build --product decision-walk --scratch-path .build/onednn/3 -Xcc "-I$$PWD/.build/onednn/$(firstword $(ONEDNN_WHEELS))/include"
	for version in $(ONEDNN_WHEELS); do $(PART) LD_LIBRARY_PATH="$$PWD/.build/onednn/$$version/lib" \
	  WAN_DECISIONS=all WAN_DECISION_WALK="$$PWD/.build/onednn/3/debug/decision-walk" swift test --skip-build --filter SlowPathTests; done

kernels: FURTHER = $(FURTHER_NVRTC_WHEELS)
kernels: swift nvrtc ## compile every CUDA kernel for every GPU with every compiler
	WAN_COMPILE_MATRIX=all swift test --filter CompileMatrixTests

bench: build-release bench-packages ## measure against Diffusers and stable-diffusion.cpp, side by side; BENCH="--quick", "--save", …
	python3 bench/compare.py $(BENCH)

gpu-bench: swift build-packages ## what checks and measures on a machine with a GPU: .build/gpu-bench; see bench/gpu/run.sh
	swift build -c release --product gpu-bench --static-swift-stdlib
	@bench/gpu/run.sh --collect

deb: build-release package-packages ## a Debian package for this release, in .build/packages
	BUILD_PACKAGES='$(BUILD_PACKAGES)' .packaging/build deb

tarball: build-release ## the same files without dpkg
	.packaging/build tarball

test-install: ## build, install and use the package in fresh Debians, as root; RELEASES="bookworm trixie"
	@# The first time about half an hour, most of it compiling for each; debootstrap's and apt's files are kept.
	@# Swiftly's swift looks for the toolchain below HOME.
	$(if $(filter 0,$(shell id -u)),,sudo env HOME="$$HOME" PATH="$$PATH") .packaging/test-install $(RELEASES)

fixtures: ## make the test fixtures anew, with the pinned Python packages
	python3 -m venv .build/reference
	.build/reference/bin/pip install --quiet -r Tests/Reference/requirements.txt
	@for script in $$(grep -lE '^if __name__' Tests/Reference/*.py); do \
	  echo "$$script"; .build/reference/bin/python "$$script"; done

setup: swift test-packages ## packages and git hooks for working on the code
	git config core.hooksPath .githooks

setup-cuda: ## NVIDIA's libraries for the GPU: Debian's contrib and non-free, Ubuntu's multiverse
	@# Their names carry the version: libnvrtc11.2 in Debian 12, libnvrtc12 in Debian 13 and Ubuntu 24.04.
	@newest() { apt-cache pkgnames "$$1" | grep -Ex "$$1[0-9.]+" | sort -V | tail -n 1 || true; }; \
	names="$$(newest libnvrtc) $$(newest libcublaslt)"; \
	[ "$$names" != " " ] || { echo "add contrib and non-free (Ubuntu: multiverse) to the sources of apt, then apt-get update;" \
	  "or pip install nvidia-cuda-nvrtc-cu12 nvidia-cublas-cu12" >&2; exit 1; }; \
	$(call install,$$names)

clean: ## remove everything built
	rm -rf .build

swift:
	@# Debian's own swiftlang is older, and its swift is the client of a storage service.
	@found=$$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9.]+).*/\1/p' | head -n 1 || true); \
	[ "$$(printf '%s\n' 6.2 "$$found" | sort -V | head -n 1)" = 6.2 ] || { \
	  printf 'Swift 6.2 or newer is needed, found %s:\n%s\n' "$${found:-none}" "$$SWIFT_HINT" >&2; exit 1; }

# No more of the package than the targets of $(1), names of tests as --filter takes them, when all of them begin with one.
of_tests = WAN_TARGETS='$(foreach name,$(subst |, ,$(1)),$(firstword $(subst ., ,$(name))))'

offline = echo "without it, swift test runs the rest and names what it skipped" >&2; exit 1

# Installs what is missing of the packages in $(1): as root, with sudo, or by telling what to install. Takes none away
# that is in its way.
define install
missing=$$(for name in $(1); do dpkg-query -W -f='$${Status}' $$name 2>/dev/null | grep -q 'ok installed' \
  || echo $$name; done | tr '\n' ' '); \
if [ -z "$$missing" ]; then exit 0; fi; \
if ! command -v apt-get >/dev/null; then echo "this needs what Debian calls: $$missing" >&2; exit 0; fi; \
if [ "$$(id -u)" = 0 ]; then as=; elif command -v sudo >/dev/null; then as=sudo; \
else echo "as root: apt-get install $$missing" >&2; exit 1; fi; \
echo "installing $$missing"; \
$$as apt-get update -q; $$as env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-remove --no-install-recommends $$missing
endef

build-packages:
	@$(call install,$(BUILD_PACKAGES))

test-packages:
	@$(call install,$(TEST_PACKAGES))

package-packages:
	@$(call install,dpkg-dev)

bench-packages:
	@$(call install,$(BENCH_PACKAGES))
