# Counting for scripts/test: runs a suite, keeps what it printed in $LOGS, adds to the totals.
# Sourced, never run.

PASSED=0
FAILED=0

# add SUITE PASSED FAILED: prints the suite's line and adds to the totals.
add() {
    PASSED=$((PASSED + $2))
    FAILED=$((FAILED + $3))
    printf '%-32s %4d ok' "$1" "$2"
    if [ "$3" -gt 0 ]; then printf ', %d NOT OK (%s/%s.log)' "$3" "$LOGS" "${1//\//-}"; fi
    printf '\n'
}

log_of() { printf '%s/%s.log' "$LOGS" "${1//\//-}"; }

# check SUITE COMMAND...: one fact, true where the command succeeds.
check() {
    local suite=$1 log
    shift
    log=$(log_of "$suite")
    if "$@" >"$log" 2>&1; then add "$suite" 1 0
    else
        tail -n 40 "$log"
        add "$suite" 0 1
    fi
}

# tap SUITE COMMAND...: a program that prints TAP. Counts its test lines; a plan that does not hold,
# a test that was skipped, a status that contradicts the lines and a run without tests all fail.
tap() {
    local suite=$1 log status=0 ok bad planned
    shift
    log=$(log_of "$suite")
    "$@" >"$log" 2>&1 || status=$?
    ok=$(grep -cE '^ok [0-9]+' "$log" || true)
    bad=$(grep -cE '^not ok [0-9]+' "$log" || true)
    planned=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' "$log" | tail -n 1)
    if [ "$bad" -gt 0 ]; then grep -E -B 12 -A 30 '^not ok ' "$log" | head -n 200; fi
    if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$ok" = 0 ] || [ "${planned:-0}" != "$ok" ]; }; then
        printf '%s: exit status %d, %s tests planned, %d ran\n' "$suite" "$status" "${planned:-no}" "$ok"
        tail -n 40 "$log"
        bad=1
    fi
    if grep -qE '^(not )?ok .*# (SKIP|TODO)' "$log"; then
        printf '%s: tests are not skipped here\n' "$suite"
        bad=$((bad + 1))
    fi
    add "$suite" "$ok" "$bad"
}
