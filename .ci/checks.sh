# The checks of ./dev: test, lint, fuzz, soak, bench, package. Sourced by ./dev, which owns the helpers.

# ---- test ------------------------------------------------------------------------------------------------
RUNNERS=() RESULTS=() TIMES=() CLOSINGS=()

# runner NAME CLOSING COMMAND…: runs it with its output shown and kept; CLOSING prints its own summary from the log.
runner() {
  local name=$1 closing=$2 log=$LOGS/test-$1.log start=$SECONDS status=0
  shift 2
  say "$name"
  "$@" 2>&1 </dev/null | tee "$log" || status=$?
  RUNNERS+=("$name") TIMES+=($((SECONDS - start))) CLOSINGS+=("$closing")
  if [ $status -eq 0 ]; then RESULTS+=(passed); else RESULTS+=("failed ($status)"); fi
}

without_colour() { sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$1"; }

close_ctest() { # each suite's own last lines, then ctest's
  local results=$BUILD/test/Testing/Temporary/LastTest.log
  awk '/^[0-9]+\/[0-9]+ Test: /{name=$3} /^\[==========\] .* ran\./||/^\[  (PASSED|FAILED|SKIPPED) +\]/{print name ": " $0}' \
    "$results" 2>/dev/null || true
  without_colour "$1" | sed -n '/tests passed,/,$p'
}
close_vitest() { without_colour "$1" | grep -E '^ *(Test Files|Tests|Duration) ' || tail -n 5 "$1"; }
close_plain() { tail -n 3 "$1"; }

run_ctest() {
  ctest --test-dir "$BUILD/test" --output-on-failure --no-tests=error --timeout 1500 -j "$(build_jobs)"
}

run_tests() {
  local fuzzing=0 began=$SECONDS failed=0 i
  while [ $# -gt 0 ]; do
    case $1 in
      --fuzz) fuzzing=1 ;;
      *) misuse "test knows no '$1'" ;;
    esac
    shift
  done
  deps up test
  cmake_build test "the hub and its tests, with sanitizers" -DCMAKE_BUILD_TYPE=Debug -DCCOC_SANITIZE=ON
  build_web
  footage
  web_install
  export CCOC_BIN=$PWD/$BUILD/test/ccoc ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=print_stacktrace=1
  mkdir -p "$LOGS"
  runner types close_plain npm --prefix web run check
  runner console close_vitest npm --prefix web run test
  runner ctest close_ctest run_ctest
  if [ -d web/e2e ]; then runner end-to-end close_vitest npm --prefix web run e2e; fi
  if [ $fuzzing = 1 ]; then runner fuzz close_plain fuzz --seconds 30; fi

  say "summary after $((SECONDS - began)) s"
  printf '%-12s %-12s %6s  %s\n' runner result seconds log
  for i in "${!RUNNERS[@]}"; do
    printf '%-12s %-12s %6s  %s\n' "${RUNNERS[i]}" "${RESULTS[i]}" "${TIMES[i]}" "$LOGS/test-${RUNNERS[i]}.log"
    [ "${RESULTS[i]}" = passed ] || failed=1
  done
  for i in "${!RUNNERS[@]}"; do
    printf '\n'
    say "${RUNNERS[i]}"
    "${CLOSINGS[i]}" "$LOGS/test-${RUNNERS[i]}.log" || true
  done
  return $failed
}

# ---- lint ------------------------------------------------------------------------------------------------
sources() { find src include tests -name '*.cpp' -o -name '*.h' | LC_ALL=C sort; }

lint() {
  local failed=0
  deps up test lint
  cmake_build test "what the linters read" -DCMAKE_BUILD_TYPE=Debug -DCCOC_SANITIZE=ON -- check_layers
  say "formatting"
  sources | xargs clang-format-19 --dry-run -Werror || failed=1
  say "clang-tidy"
  run-clang-tidy-19 -quiet -p "$BUILD/test" -j "$(build_jobs)" "$PWD/src/.*\.cpp$" || failed=1
  say "console"
  use_node
  web_install
  npm --prefix web run check || failed=1
  [ $failed = 0 ] && say "nothing to complain about"
  return $failed
}

# ---- fuzz and soak ---------------------------------------------------------------------------------------
fuzz() {
  local seconds=60 only='' program name failed=0
  while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || misuse "$1 needs a value"
    case $1 in
      --minutes) seconds=$(($2 * 60)) ;;
      --seconds) seconds=$2 ;;
      --target) only=$2 ;;
      *) misuse "fuzz knows no '$1'" ;;
    esac
    shift 2
  done
  deps up fuzz
  cmake_build fuzz "the fuzz targets" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++-19 \
    -DCCOC_FUZZ=ON -DCCOC_TESTS=OFF -- fuzz_targets
  for program in $(find "$BUILD/fuzz" -maxdepth 3 -type f -executable -name '*_fuzz' | LC_ALL=C sort); do
    name=$(basename "$program" _fuzz)
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    say "$name for $seconds s"
    mkdir -p "$BUILD/fuzz/found/$name" "$BUILD/fuzz/crash/$name" "tests/fuzz/corpus/$name"
    "$program" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$BUILD/fuzz/crash/$name/" \
      "$BUILD/fuzz/found/$name" "tests/fuzz/corpus/$name" 2>&1 | tail -n 12 || failed=1
  done
  [ $failed = 0 ] || printf 'inputs that break something are in %s\n' "$BUILD/fuzz/crash" >&2
  return $failed
}

# Histories of the simulated spine, a process per core, each a few seeds at a time. Without --seeds until Ctrl-C.
soak() {
  local seeds=0 first=1 hours=1 block=5 jobs failed
  while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || misuse "$1 needs a value"
    case $1 in
      --seeds) seeds=$2 ;;
      --first) first=$2 ;;
      --hours) hours=$2 ;;
      --jobs) jobs=$2 ;;
      *) misuse "soak knows no '$1'" ;;
    esac
    shift 2
  done
  deps up test
  cmake_build soak "the simulation" -DCMAKE_BUILD_TYPE=RelWithDebInfo -- test_sim
  say "histories of $hours h and eight cameras, from seed $first$([ "$seeds" = 0 ] || printf ' to %s' $((first + seeds - 1)))"
  mkdir -p "$LOGS/soak"
  rm -f "$LOGS"/soak/*
  export CCOC_SIM_MINUTES=$((hours * 60)) BUILD LOGS
  local last=$((seeds == 0 ? first + 1000000000 : first + seeds - 1))
  seq "$first" "$block" "$last" | xargs -P "${jobs:-$(nproc)}" -I{} bash -c '
    first=$1 last=$2 count=$3
    [ $((first + count - 1)) -le "$last" ] || count=$((last - first + 1))
    log=$LOGS/soak/$first.log
    if CCOC_SIM_FIRST_SEED=$first CCOC_SIM_SEEDS=$count "$BUILD/soak/test_sim" --gtest_filter="Spine.loses_nothing*" >"$log" 2>&1; then
      printf "seeds %d to %d: whole\n" "$first" $((first + count - 1))
      rm -f "$log"
    else
      printf "BROKEN among seeds %d to %d, see %s:\n" "$first" $((first + count - 1)) "$log"
      grep -o "seed [0-9]*: .*" "$log" | head -5
    fi' _ {} "$last" "$block"
  failed=$(find "$LOGS/soak" -name '*.log' | wc -l)
  [ "$failed" = 0 ] || die "$failed of the groups of histories broke" "a seed is replayed by ./dev soak --first SEED --seeds 1 --hours $hours"
}

# ---- bench and package -----------------------------------------------------------------------------------
bench() {
  deps up test
  cmake_build release "the hub and its benchmarks" -DCMAKE_BUILD_TYPE=Release -DCCOC_TESTS=OFF -DCCOC_BENCH=ON
  footage
  "$BUILD/release/ccoc_bench" --clips "$PWD/$BUILD/clips" "$@"
}

package() {
  deps up package
  build_release
  build_web
  rm -rf "$BUILD/package"
  run_logged "packing" "$LOGS/package.log" cpack --config "$BUILD/release/CPackConfig.cmake" -B "$BUILD/package" -G "TGZ;DEB" ||
    die "the packages could not be made" "see $LOGS/package.log"
  rm -rf "$BUILD/package/_CPack_Packages"
  ls -l "$BUILD/package"
}
