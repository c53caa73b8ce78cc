# tandem: build, test, install. V=1 shows the commands; BUILD= chooses another build folder.
CC ?= gcc
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

PKGS := libuv libcurl libcjson yaml-0.1 sqlite3 libarchive libcrypto
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wno-override-init
CFLAGS ?= -O2 -g
override CFLAGS += -std=c11 -D_GNU_SOURCE -DTANDEM_VERSION='"$(VERSION)"' -DTANDEM_LIBYAML_VERSION='"$(shell pkg-config --modversion yaml-0.1)"' -I. $(WARN) $(shell pkg-config --cflags $(PKGS)) $(SAN)
override LDFLAGS += $(SAN)
LDLIBS := $(shell pkg-config --libs $(PKGS)) -lm

API_SRC := $(sort $(wildcard api/base/*.c api/http/*.c api/engine/*.c))
PURE_SRC := $(sort $(wildcard controller/manifest/*.c controller/plan/*.c))
CTL_SRC := $(sort $(wildcard controller/*/*.c))
MAIN := controller/cli/main.c
LIB_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(API_SRC) $(filter-out $(MAIN),$(CTL_SRC)))

UNIT_SRC := $(sort $(wildcard test/unit/test_*.c))
UNIT_BIN := $(patsubst test/unit/%.c,$(BUILD)/test/unit/%,$(UNIT_SRC))
ENGINE_SRC := $(sort $(wildcard test/engine/test_*.c))
ENGINE_BIN := $(patsubst test/engine/%.c,$(BUILD)/test/engine/%,$(ENGINE_SRC))
FAULT_SRC := $(sort $(wildcard test/fault/test_*.c))
FAULT_BIN := $(patsubst test/fault/%.c,$(BUILD)/test/fault/%,$(FAULT_SRC))

Q := $(if $(V),,@)

all: $(BUILD)/tandem

$(BUILD)/tandem: $(BUILD)/controller/cli/main.o $(BUILD)/libtandem.a
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libtandem.a: $(LIB_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/test/%: $(BUILD)/test/%.o $(BUILD)/libtandem.a
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) $(WRAP) -o $@ $< $(BUILD)/libtandem.a -lcmocka $(LDLIBS)

# These fail allocations of tandem's own objects (test/fault/alloc_fault.h).
ALLOCATORS := malloc calloc realloc strdup strndup vasprintf asprintf
$(BUILD)/test/fault/test_alloc: WRAP := $(ALLOCATORS:%=-Wl,--wrap=%)
$(BUILD)/test/fault/test_alloc_deploy: WRAP := $(ALLOCATORS:%=-Wl,--wrap=%) -Wl,--wrap=uv_loop_close

unit: $(UNIT_BIN)
engine-tests: $(ENGINE_BIN)
fault-tests: $(FAULT_BIN)

# The pure tests only; ./scripts/test runs everything, real engines included.
test: $(BUILD)/tandem $(UNIT_BIN)
	@for t in $(UNIT_BIN); do $$t || exit 1; done

asan:
	+$(MAKE) BUILD=build-asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" CFLAGS="-O1 -g" all unit engine-tests fault-tests

# Every fault at every point, for hours, and the whole fleet killed at a sample of its points.
fault:
	TANDEM_FAULT=full scripts/test fault
	test/fault/kill-fleet

install: all
	install -D -m 755 $(BUILD)/tandem $(DESTDIR)$(PREFIX)/bin/tandem

# libFuzzer over what reads the user's texts, FUZZ_SECONDS each; what it learns is kept in build-fuzz/corpus.
FUZZ_SECONDS ?= 600
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_NAMES := $(patsubst test/fuzz/fuzz_%.c,%,$(sort $(wildcard test/fuzz/fuzz_*.c)))

$(BUILD)/test/fuzz/%: $(BUILD)/test/fuzz/%.o $(BUILD)/libtandem.a
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(BUILD)/libtandem.a $(LDLIBS)

fuzz-build:
	+$(MAKE) BUILD=build-fuzz CC=clang CFLAGS="-O1 -g" SAN="-fsanitize=fuzzer-no-link $(FUZZ_SAN)" $(FUZZ_NAMES:%=build-fuzz/test/fuzz/fuzz_%)

fuzz: fuzz-build
	@for t in $(FUZZ_NAMES); do mkdir -p build-fuzz/corpus/$$t; \
	  echo "  FUZZ    $$t"; \
	  build-fuzz/test/fuzz/fuzz_$$t -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -verbosity=0 \
	    -artifact_prefix=build-fuzz/$$t- build-fuzz/corpus/$$t test/fuzz/seeds/$$t || exit 1; done

.PHONY: fuzz fuzz-build

C_FILES = $(shell git ls-files '*.c' '*.h')
format:
	clang-format -i $(C_FILES)
tidy:
	clang-tidy --quiet $(filter %.c,$(C_FILES)) -- $(CFLAGS)
clean:
	rm -rf build build-asan build-fuzz

.PHONY: fault all unit engine-tests fault-tests test asan install format tidy clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
