# shellcheck shell=bash
# How a job runs its ranks, and what it does when they stop. Sourced by the scripts of this folder.
#
# The warning before the time limit comes to this shell alone (--signal=B:USR2@...), which hands it to the ranks
# through srun. So the shell knows that there was one: srun ends the other ranks when the first one leaves
# (--kill-on-bad-exit), and its exit code may then be that of a rank it ended, 143, and not 75. A warning that comes
# before the ranks listen is not lost either: they find the file BYOL_STOP_FILE when they begin to. SIGUSR1 is never
# sent: it opens Deno's debugger port.

# The codes of src/base/exit_codes.ts that starting again cannot repair.
byol_hopeless='[1-8]'
byol_interrupted=75

byol_warned='' byol_ended='' byol_signalled='' byol_srun=''
BYOL_STOP_FILE=${TMPDIR:-/tmp}/byol-stop-$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}-$$
export BYOL_STOP_FILE
trap 'rm -f "$BYOL_STOP_FILE"' EXIT
trap 'byol_signalled=yes; byol_warn' USR2
# From scancel, from preemption, or at the time limit; Slurm tells the ranks itself.
trap 'byol_signalled=yes; byol_ended=yes' TERM

# Once: a second signal tells a rank to leave without saving.
byol_warn() {
  if [[ -n $byol_warned ]]; then return; fi
  byol_warned=yes
  byol_say "time is nearly up, stopping the ranks"
  : >"$BYOL_STOP_FILE"
  byol_forward
}

byol_forward() {
  if [[ -n $byol_srun ]]; then kill -USR2 "$byol_srun" 2>/dev/null || :; fi
}

byol_say() {
  echo "slurm: $* ($(date '+%F %T'))"
}

# The job as scontrol names it.
byol_job_id() {
  if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then
    echo "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
  else
    echo "$SLURM_JOB_ID"
  fi
}

# Starts so far of this job, itself not counted. Slurm sets its count from the first restart on.
byol_restarts() {
  echo "$((${SLURM_RESTART_COUNT:-0} + ${BYOL_RESTARTS_BEFORE:-0}))"
}

# The value of the last --$1=VALUE or --$1 VALUE among the other arguments.
byol_option() {
  local name=$1 value='' word follows=''
  shift
  for word; do
    if [[ -n $follows ]]; then
      value=$word follows=''
    elif [[ $word == "--$name" ]]; then
      follows=yes
    elif [[ $word == "--$name="* ]]; then
      value=${word#*=}
    fi
  done
  echo "$value"
}

# byol_ranks COMMAND [OPTIONS]: one process a rank, the program's COMMAND in each. Sets byol_code.
byol_ranks() {
  byol_code=$byol_interrupted
  # Warned before anything began: there is nothing to stop.
  if [[ -n $byol_warned$byol_ended ]]; then return; fi
  # srun does not take --cpus-per-task from sbatch: without it every rank gets one core.
  srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \
    "$BYOL_DENO" run --cached-only --no-prompt -RWES --allow-ffi "$BYOL_ROOT/src/cli.ts" "$@" </dev/null &
  byol_srun=$!
  if [[ -n $byol_warned ]]; then byol_forward; fi
  # A trapped signal ends wait, not srun: wait again.
  local code
  byol_signalled=again
  while [[ -n $byol_signalled ]]; do
    byol_signalled=''
    wait "$byol_srun" && code=0 || code=$?
    # 127: the signal came with the end, whose code is known already.
    if ((code != 127)); then byol_code=$code; fi
  done
  byol_srun=''
}

# Whether the ranks stopped on a signal that this shell was not told of: one left the file to say so. With a GraceTime,
# preemption sends SIGTERM to the ranks alone, and puts back only what is still there at the end of that time: a job that
# stops sooner has to do it itself. The codes are a rank's own and that of one that srun ended, not that of a kill.
byol_stopped() {
  [[ -z $byol_ended && -e $BYOL_STOP_FILE && ($byol_code == "$byol_interrupted" || $byol_code == 143) ]]
}

# byol_finish SCRIPT [ARGUMENTS]: ends the job by what the ranks said; starts it again where that helps.
byol_finish() {
  if ((byol_code == 0)); then exit 0; fi
  if [[ -n $byol_ended ]]; then
    byol_say "ended from outside (scancel, preemption or the time limit), ranks ended with $byol_code;" \
      "not starting again by itself: submit again to resume"
    exit "$byol_code"
  fi
  if byol_stopped; then byol_warned=yes; fi
  # shellcheck disable=SC2053 # the right side is a pattern
  if [[ $byol_code == $byol_hopeless || (-z $byol_warned && $byol_code != "$byol_interrupted") ]]; then
    byol_say "failed with $byol_code; not starting again"
    exit "$byol_code"
  fi
  if [[ ${BYOL_REQUEUE:-yes} != yes ]]; then
    byol_say "stopped on a signal; the next job on this run resumes"
    exit "$byol_interrupted"
  fi
  byol_start_again "$@"
  exit "$byol_interrupted"
}

# byol_start_again SCRIPT [ARGUMENTS]: puts the job back, or submits one that resumes.
byol_start_again() {
  local script=$1 job restarts
  shift
  job=$(byol_job_id)
  restarts=$(byol_restarts)
  if ((restarts >= BYOL_MAX_RESTARTS)); then
    byol_say "started again $restarts times, the most that BYOL_MAX_RESTARTS allows; submit again to resume"
    return
  fi
  rm -f "$BYOL_STOP_FILE"
  byol_say "stopped on a signal (ranks ended with $byol_code) after $restarts restarts: starting job $job again"
  # Slurm ends this shell as soon as it has put the job back.
  if command -v scontrol >/dev/null && scontrol requeue "$job"; then return; fi
  # Compute nodes may lack scontrol. A job of its own, which begins when this one has left the run folder, with as
  # many ranks whoever asked for them; an inherited SLURM_RESTART_COUNT would be taken for its own.
  local shape=(--nodes="${SLURM_JOB_NUM_NODES:-1}" --ntasks="${SLURM_NTASKS:-1}"
    --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}")
  if command -v sbatch >/dev/null && env -u SLURM_RESTART_COUNT BYOL_RESTARTS_BEFORE="$((restarts + 1))" sbatch \
    "${shape[@]}" --dependency="afterany:$job" ${SLURM_ARRAY_TASK_ID:+--array="$SLURM_ARRAY_TASK_ID"} \
    "$script" "$@"; then
    return
  fi
  byol_say "neither scontrol nor sbatch could: submit again to resume"
}
