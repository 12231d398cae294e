#!/bin/sh
# Shows adapterd at work, on this machine alone: the daemon watches an empty directory, a recorded training is played
# into it at the trainer's pace, and what is published lands in a store on the disk. Leaves nothing running; what it
# made is in the directory that it names at the end.
#
# Usage: scripts/demo.sh [BUILD-DIRECTORY]
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/.build/debug}
adapterd=$build/adapterd
here=$(mktemp -d "${TMPDIR:-/tmp}/adapterd-demo.XXXXXX")
daemon=

finish() {
  status=$?
  trap - EXIT INT TERM
  if [ -n "$daemon" ]; then
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  fi
  exit "$status"
}
trap finish EXIT INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# Waits until a line of the daemon's report has $1 in it; gives up when the daemon has ended, or after two minutes.
await() {
  tries=0
  until grep -q "$1" "$here/report"; do
    kill -0 "$daemon" 2>/dev/null || { echo "adapterd has ended:"; cat "$here/report"; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -lt 1200 ] || { echo "no '$1' in two minutes:"; cat "$here/report"; exit 1; }
    sleep 0.1
  done
}

mkdir "$here/outputs"
cat >"$here/adapterd.toml" <<TOML
endpoint = "file://$here/store"        # a store on the disk; without this line it is https://huggingface.co

[[publish]]
outputs = "outputs"
repo = "salakash/AskBuddyX"
min_interval = "2s"                    # a minute by default
settle = "1s"

[publish.metadata]                     # what the training's own files do not say
model_type = "qwen2"
base_model = "mlx-community/Qwen2.5-Coder-0.5B-Instruct-4bit"
base_model_reference = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
trained_on = "flwrlabs/code-alpaca-20k"
license = "apache-2.0"
TOML

export STATE_DIRECTORY="$here/state" RUNTIME_DIRECTORY="$here/run"
unset HF_ENDPOINT

say "The configuration"
cat "$here/adapterd.toml"

say "adapterd config check"
"$adapterd" config check --config "$here/adapterd.toml"

say "adapterd run (in the background), and mlx-lm trains: 30 iterations, a save every 10"
"$adapterd" run --config "$here/adapterd.toml" >"$here/report" 2>&1 &
daemon=$!
await 'watching 1 tree'
# What it reports, as it reports it; ends with the daemon.
tail -n +1 -f --pid="$daemon" "$here/report" &
"$build/adapterd-replay" mlx "$here/outputs" --data "$root/Tests/TestSupport/Resources" --save-gap 4
await 'published .* at iteration 30'
kill "$daemon"
wait "$daemon" || { echo "adapterd ended badly"; exit 1; }
daemon=
wait

say "adapterd history"
"$adapterd" history

say "What huggingface_hub would load, with HF_HUB_CACHE=$here/store"
repo=$here/store/models--salakash--AskBuddyX
snapshot=$repo/snapshots/$(cat "$repo/refs/main")
ls -lL "$snapshot"
say "config.json: the file that the Hub counts downloads by"
cat "$snapshot/config.json"
say "Nothing is left running. All of this lies in $here"
