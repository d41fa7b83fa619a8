#!/usr/bin/env bash
# Far side of a sitting on somebody's GPU: a machine without network, Rust and Node, with Python (libtorch of the core's
# version, numpy, Pillow). docs/performance.md has the order of the calls.
#
#   far.sh unpack              programs and set-up; in the background a warm-up of eight steps or more at each of two sizes,
#                              since steps are recorded at the fourth of each size
#   far.sh train WAIT WORD…    images, then a training of these options in a process group of its own, which outlives
#                              this command; shows it for WAIT seconds. Without WORDs: the same training again
#   far.sh collect WAIT OUT    waits at most WAIT seconds for its end, or stops it; copies to OUT what cannot be made
#                              again (encoder, or state in at most 60 MiB); evaluates the encoder or newest checkpoint
#   far.sh adopt FOLDER        takes the state that an earlier sitting collected; `train WAIT` continues the run
#
# Variables: RECIPE, HARDWARE and EVAL are options of train, of both and of eval; RUN names the run (default: run).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
pieces=.gpu work=${WORK:-/tmp/byol-sitting} run=${RUN:-run}
read -ra hardware <<<"${HARDWARE:---hardware=mono-gpu --precision=mixed}"
read -ra recipe <<<"${RECIPE:---preset=cifar10_fast}"
read -ra evaluation <<<"${EVAL:-}"
mkdir -p "$work"
folder=$work/$run

byol() { .byol/bin/deno run --no-prompt --allow-all --cached-only src/cli.ts "$@"; }
say() { echo "[$(date +%T)] $*"; }
# A process that nobody has waited for yet is dead, too.
alive() { grep -Eqs '^State:[[:space:]]+[^XZ[:space:]]' "/proc/$(cat "$folder.pid" 2>/dev/null)/status"; }
# The log is there as soon as the training's process is.
last_words() { tr '\r' '\n' < <(cat "$folder.log" 2>/dev/null) | tail -n 3; }

start() {
  local words=()
  mapfile -t words <"$folder.words"
  # The log begins anew: what it holds is of the process that runs.
  setsid .byol/bin/deno run --no-prompt --allow-all --cached-only src/cli.ts train "${words[@]}" "--run_dir=$folder" \
    >"$folder.log" 2>&1 </dev/null &
  echo $! >"$folder.pid"
}

# Three epochs of eight steps, of which cifar10_fast makes 14 at 24 pixels and ten at 32.
warm_up() {
  local batch extra
  batch=$(sed -n 's/.*--batch_size=\([0-9]*\).*/\1/p' <<<"${recipe[*]}")
  for extra in "" --cuda_graph=false; do
    rm -rf "$work/warm"
    # shellcheck disable=SC2086 # no word where it is empty
    byol train "${recipe[@]}" "${hardware[@]}" --dataset_name=demo "--limit_train=$((8 * ${batch:-512}))" --nb_epochs=3 \
      --nb_epochs_warmup=0 --log_every=4 --clsf_every=0 --save_every=0 \
      --tensorboard=false "--run_dir=$work/warm" $extra && break
    say "FAILED with ${extra:-recorded steps}"
  done
  echo "$extra" >"$work/extra"
  say "the warm-up is over"
}

case ${1:-} in
  unpack)
    python3 - "$pieces/1" <<'PY'
import concurrent.futures, glob, lzma, os, shutil, sys

def unpack(name):
    target = ".byol/bin/deno" if name.endswith("/deno.xz") else name[:-3]
    with lzma.open(name) as packed, open(target, "wb") as whole:
        shutil.copyfileobj(packed, whole, 1 << 20)
    os.chmod(target, 0o755)

os.makedirs(".byol/bin", exist_ok=True)
with concurrent.futures.ThreadPoolExecutor() as pool:
    list(pool.map(unpack, glob.glob(sys.argv[1] + "/**/*.xz", recursive=True)))
PY
    .byol/bin/deno run --no-prompt --allow-all src/setup/main.ts --offline "--from=$pieces/1/core" || exit 6
    setsid bash bench/gpu/far.sh warm >"$work/warm.log" 2>&1 </dev/null &
    say "programs are ready" ;;
  warm) warm_up ;;
  train)
    wait=${2:-0} began=$SECONDS
    data=(--dataset_name=demo)
    if [[ -e $pieces/1/images.0 ]]; then
      data=(--dataset_name=cifar10 "--data_dir=$work/images" --allow_unverified_data --offline)
      if [[ ! -e $work/images/test_batch.bin ]]; then
        mkdir -p "$work/sheets"
        cat "$pieces/1/images.0" "$pieces/2/images.1" | tar xf - -C "$work/sheets" &&
          python3 bench/gpu/images.py batches "$work/sheets" "$work/images" || exit 3
      fi
    fi
    until [[ -e $work/extra ]] || ((SECONDS - began > 60)); do sleep 0.2; done
    tr '\r' '\n' <"$work/warm.log" | tail -n 3
    if [[ $# -gt 2 ]]; then
      extra=$(cat "$work/extra" 2>/dev/null)
      printf '%s\n' "${data[@]}" --hold_out=10% "${recipe[@]}" "${hardware[@]}" --clsf_every=0 --save_every=0 \
        --save_every_minutes=2 --tensorboard=false ${extra:+"$extra"} "${@:3}" >"$folder.words"
    fi
    alive || start
    until ((SECONDS - began >= wait)) || ! alive; do sleep 0.2; done
    last_words ;;
  collect)
    wait=${2:-0} out=$3 began=$SECONDS
    mkdir -p "$out"
    if [[ ! -e $folder/result.json ]] && ! alive; then
      say "the training did not outlive the call before: it is resumed"
      start
    fi
    until [[ -e $folder/result.json ]] || ((SECONDS - began >= wait)) || ! alive; do sleep 0.2; done
    if [[ ! -e $folder/result.json ]]; then
      say "NOT COMPLETE: stopped and saved"
      kill -TERM "$(cat "$folder.pid")"
      for _ in {1..150}; do alive || break; sleep 0.2; done
    fi
    last_words
    cp "$folder/config.json" "$folder/metrics.jsonl" "$folder.log" "$folder.words" "$out"
    weights=$folder/encoder.safetensors
    if [[ -e $weights ]]; then
      split --bytes=15m --suffix-length=1 --numeric-suffixes "$weights" "$out/encoder.part-"
      sha256sum "$weights"
    else
      weights=$(find "$folder/checkpoints" -name 'step-*.safetensors' | sort | tail -n 1)
      .byol/bin/deno run --no-prompt --allow-all --cached-only bench/gpu/state.ts pack "$weights" "$out" || exit 4
    fi
    say "evaluating $weights"
    byol eval "--checkpoint=$weights" "${hardware[@]}" --allow_unverified_data --offline ${evaluation[@]+"${evaluation[@]}"} --format=json |
      tee "$out/eval.json" ;;
  adopt)
    mkdir -p "$folder"
    cp "$2/config.json" "$2/metrics.jsonl" "$folder"
    cp "$2/$run.words" "$folder.words"
    .byol/bin/deno run --no-prompt --allow-all --cached-only bench/gpu/state.ts adopt "$2" "$folder" ;;
  *)
    echo "Cannot do ${1:-nothing}: expected unpack, train, collect or adopt" >&2
    exit 2 ;;
esac
