/*
 * The life of held actions between workers, the broker and its disk, for spin (spinroot.com). Every
 * process may stop at any step: a broker between its commit and its word, a worker in any state. All
 * submissions are of the same action by the same subject, the hardest case: they may join, attach,
 * count on one grant. Checked over all interleavings:
 *
 *   never run without approval   at each run the approval's record is on disk
 *   never run twice              one approval is one run; a grant's runs never exceed its uses
 *   every request ends           when nothing can move any more, every request is final
 *
 * Each transition names the function it stands for. The macros that begin with BUG_ put one mistake
 * in; `run` shows that each of them is found.
 */
#define WORKERS 2
#define REQUESTS 2 /* a third is refused: END_LIMIT */
#ifndef USES
#define USES 2 /* of the grant that an approval may make, the approved run included */
#endif
#define NONE 9
#ifndef TRIES
#define TRIES 2
#endif
#ifndef VOTES
#define VOTES 2 /* of people, revocations among them */
#endif
#ifndef BROKER_STOPS
#define BROKER_STOPS 1
#endif
#ifndef WORKER_STOPS
#define WORKER_STOPS 1
#endif

mtype = { absent, pending, approved, running, completed, failed, lost, rejected, expired, withdrawn };
mtype = { SUBMIT, WITHDRAW, CLAIM, RESULT, NOT_RUN, SUBMITTED, APPROVED, CLAIMED, ENDED };

/* --- The disk: what survives. One d_step is one transaction of the store, its record synced first
 *     (change_commit). ------------------------------------------------------------------------- */
mtype state[REQUESTS] = absent;
byte holder[REQUESTS] = NONE;
byte hold_of[REQUESTS];    /* the worker's number for it */
bool recorded[REQUESTS];   /* the record `approved` */
bool once_left[REQUESTS];  /* table grants: the one run */
bool counts_on[REQUESTS];  /* table grant_uses, not yet taken */
bool granted, revoked;     /* table standing_grants */
byte used;
byte n_requests;

/* --- What is not on any disk ------------------------------------------------------------------ */
chan up[WORKERS] = [2] of { mtype, byte, byte };   /* word, hold, request */
chan down[WORKERS] = [3] of { mtype, byte, byte };
byte boot;                 /* counts the broker's starts: a new one is a new link */
byte broker_stops, worker_stops, votes;
bool gone[WORKERS];        /* its stream ended and the broker has not noticed yet */
byte awaited;              /* bits: workers whose HELLO is still to come */

/* --- History, for the properties alone -------------------------------------------------------- */
byte runs[REQUESTS];
byte grant_runs;
byte done;

inline forget(w) { do :: up[w]?_,_,_ :: down[w]?_,_,_ :: empty(up[w]) && empty(down[w]) -> break od }

/* Uses the grant still has for a new request (grant_covers, store_use_reserved). */
#define RESERVED (counts_on[0] + counts_on[1])
#ifdef BUG_GRANT_NOT_RESERVED_NOR_COUNTED
#define COVERED (granted && !revoked)
#else
#define COVERED (granted && !revoked && used + RESERVED < USES)
#endif
#define OPEN(r) (state[r] == pending || state[r] == approved)

/* --- A worker: one session that tries TRIES times (gate/life.c) -------------------------------- */

/* The bytes leave for the upstream (pg_release). */
inline run_it(r) {
    d_step {
        assert(recorded[r]);
        assert(!once_left[r]); /* its one run was taken, on disk, before */
        runs[r]++;
        assert(runs[r] <= 1)
    }
}

/* A word about a hold that is over changes nothing, except that a late CLAIMED is answered: nothing ran
 * (to_hold). */
inline late() {
    if
    :: what == CLAIMED -> up[w]!NOT_RUN,h,r
    :: else
    fi
}

/* HELLO to a broker that came back (on_hello): what it does not name was this worker's and is nobody's now. */
inline hello(named) {
    seen = boot;
    awaited = awaited & ~(1 << w);
    k = 0;
    do
    :: k < REQUESTS ->
        if
        :: k != named && holder[k] == w && OPEN(k) -> holder[k] = NONE
#ifndef BUG_A_LOST_RUN_STAYS_OPEN
        :: k != named && holder[k] == w && state[k] == running -> state[k] = lost
#endif
        :: else
        fi;
        k++
    :: else -> break
    od;
    k = 0
}

proctype Worker(byte w) {
    mtype what;
    byte r, h, hold, mine, k, seen = 1;
again:
    if
    :: hold < (w == 0 -> TRIES : 1) -> hold++
    :: goto over
    fi;
    d_step { mine = NONE; r = 0; h = 0; what = 0 };
    atomic { if :: seen != boot -> hello(NONE) :: else fi };
    up[w]!SUBMIT,hold,NONE;                             /* hold, send_submit */
waiting:                                                /* HOLD_SENT, HOLD_WAITING */
    if
    :: atomic { seen == boot && nempty(down[w]) -> down[w]?what,h,r };
        if
        :: h != hold -> late(); goto waiting
        :: h == hold && what == SUBMITTED -> mine = r; goto waiting     /* on_submitted */
        :: h == hold && what == APPROVED -> mine = r; goto claiming     /* on_approved: the digests are equal */
        :: h == hold && what == ENDED -> goto again                     /* on_ended: refused */
        fi
    :: seen == boot && mine != NONE -> up[w]!WITHDRAW,hold,mine; goto again /* on_withdrawn: Ctrl-C */
    :: seen != boot -> atomic {                         /* say_hello: what waits is named */
        hello(mine);
        if
        :: mine != NONE && holder[mine] == w && hold_of[mine] == hold && OPEN(mine) -> /* adopt_hold */
            if
            :: state[mine] == approved -> goto claiming
            :: else -> goto waiting
            fi
        :: else -> goto again                           /* tell_past_end */
        fi }
    :: worker_stops < WORKER_STOPS -> goto stop
    fi;
claiming:                                               /* HOLD_CLAIMING */
    up[w]!CLAIM,hold,mine;
claimed:
    if
    :: atomic { seen == boot && nempty(down[w]) -> down[w]?what,h,r };
        if
        :: h != hold -> late(); goto claimed
        :: h == hold && what == CLAIMED -> goto released                /* on_claimed */
        :: h == hold && what == ENDED -> goto again
        :: else -> goto claimed                         /* APPROVED said again by a new broker */
        fi
    :: seen != boot -> atomic {                         /* on_lost_claim: never repeated, reported as not run */
        hello(mine);
#ifdef BUG_A_LOST_CLAIM_RUNS
        if :: state[mine] == running || state[mine] == approved -> goto released :: else fi;
#endif
        if
        :: state[mine] == running && holder[mine] == w -> state[mine] = failed  /* adopt_run, say_not_run */
        :: state[mine] == approved && holder[mine] == w -> state[mine] = withdrawn; counts_on[mine] = false
        :: else
        fi;
        goto again }
    :: worker_stops < WORKER_STOPS -> goto stop
    fi;
released:                                               /* HOLD_RELEASED */
    run_it(mine);
    if
    :: worker_stops < WORKER_STOPS -> goto stop
    :: true
    fi;
    if
    :: seen == boot -> up[w]!RESULT,hold,mine           /* on_ran, uplink_result */
    :: seen != boot -> atomic {                         /* HELLO names it among the runs; the kept RESULT follows */
        hello(mine);
        if
        :: state[mine] == running -> state[mine] = completed
        :: else
        fi }
    fi;
    goto again;
stop:                                                   /* the process is gone; the keeper starts another */
    atomic {
        worker_stops++;
        forget(w);
        gone[w] = true
    };
    !gone[w];
    goto again;
over:
    done++;
end_idle:                                               /* nothing more is wanted; words still come */
    do
    :: atomic { seen != boot -> hello(NONE) }
    :: atomic { nempty(down[w]) -> down[w]?what,h,r }; late()
    od
}

/* --- The broker (broker/*.c) ------------------------------------------------------------------- */

inline finish(r, s) { state[r] = s; counts_on[r] = false; once_left[r] = false }

/* lose(): what its worker held is kept without it (on_disconnect: keep), what ran is unknown. */
inline lose(w) {
    d_step {
        i = 0;
        do
        :: i < REQUESTS ->
            if
            :: holder[i] == w && OPEN(i) -> holder[i] = NONE              /* holders_detach */
#ifndef BUG_A_LOST_RUN_STAYS_OPEN
            :: holder[i] == w && state[i] == running -> finish(i, lost)   /* APPROVAL_LOST */
#endif
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
}

/* A word to a worker, or the broker stops between its commit and its word. */
inline tell(w, m, h, r) {
    if
    :: gone[w] -> skip
    :: !gone[w] && nfull(down[w]) -> down[w]!m,h,r
    :: broker_stops < BROKER_STOPS -> goto stop
    fi
}

/* find_open: one that this submission joins or attaches to. A covered one is joined by nobody. */
inline find_open() {
    d_step {
        open = NONE; i = 0;
        do
        :: i < REQUESTS -> if :: OPEN(i) && !(counts_on[i] && state[i] == approved && holder[i] != NONE) -> open = i :: else fi; i++
        :: else -> break
        od;
        i = 0
    }
}

proctype Broker() {
    mtype what;
    byte r, w, i, h, open;
    bool covered;
start:
    skip;
    d_step { r = 0; w = 0; h = 0; open = 0; what = 0; covered = false }; /* what is over is no part of the state */
    do
    /* holders_grace_over: a worker that does not come back has lost what it held */
    :: awaited != 0 && timeout -> lose(0); lose(1); awaited = 0
    :: gone[0] -> lose(0); gone[0] = false              /* broker_worker_lost */
    :: gone[1] -> lose(1); gone[1] = false
    :: atomic { awaited == 0 && !gone[0] && nempty(up[0]) -> up[0]?what,h,r; w = 0 }; goto message
    :: atomic { awaited == 0 && !gone[1] && nempty(up[1]) -> up[1]?what,h,r; w = 1 }; goto message
    :: atomic { votes < VOTES && awaited == 0 && (state[0] == pending || state[1] == pending) ->
        votes++;
        if :: state[0] == pending -> r = 0 :: state[1] == pending -> r = 1 fi };
        goto vote
    :: granted && !revoked && votes < VOTES -> votes++; revoked = true; goto start  /* broker_grant_revoke */
#ifndef BUG_NOTHING_EXPIRES
    :: atomic { OPEN(0) -> r = 0 }; goto expire         /* end_what_is_due */
    :: atomic { OPEN(1) -> r = 1 }; goto expire
#endif
    :: broker_stops < BROKER_STOPS -> goto stop
    :: done == WORKERS && awaited == 0 && empty(up[0]) && empty(up[1]) && !gone[0] && !gone[1] &&
       !OPEN(0) && !OPEN(1) -> break
    :: done == WORKERS && awaited == 0 && timeout -> break
    od;
    goto finished;

vote:
    if
    :: d_step {                                         /* on_vote, change_request: record, grant, commit */
        state[r] = approved; recorded[r] = true; once_left[r] = true;
        if
        :: !granted -> granted = true; counts_on[r] = true  /* grants_vote: this run is its first use */
        :: else
        fi }
        w = holder[r];
        if :: w != NONE -> tell(w, APPROVED, hold_of[r], r) :: else fi
    :: d_step { finish(r, rejected) };
        w = holder[r];
        if :: w != NONE -> tell(w, ENDED, hold_of[r], r) :: else fi
    fi;
    goto start;

expire:
    if
    :: OPEN(r) -> d_step { finish(r, expired) };
        w = holder[r];
        if :: w != NONE -> tell(w, ENDED, hold_of[r], r) :: else fi
    :: else
    fi;
    goto start;

message:
    if
    :: what == SUBMIT ->                                /* on_submit */
        d_step { covered = COVERED };
        find_open();
        if
        :: !covered && open != NONE && holder[open] == NONE ->            /* attach */
            d_step { holder[open] = w; hold_of[open] = h; r = open };
            if
            :: state[r] == approved -> tell(w, APPROVED, h, r)
            :: else -> tell(w, SUBMITTED, h, r)
            fi
        :: !covered && open != NONE && holder[open] != NONE -> tell(w, ENDED, h, open) /* tell_pending */
        :: (covered || open == NONE) && n_requests == REQUESTS -> tell(w, ENDED, h, NONE) /* END_LIMIT */
        :: (covered || open == NONE) && n_requests < REQUESTS ->          /* open_request */
            d_step { r = n_requests; n_requests++; state[r] = pending; holder[r] = w; hold_of[r] = h; counts_on[r] = covered };
            if
            :: covered -> d_step { state[r] = approved; recorded[r] = true; once_left[r] = true }; /* approve_by_grants */
                tell(w, APPROVED, h, r)
            :: else ->
#ifdef BUG_APPROVED_IS_SAID_BEFORE_IT_IS_STORED
                if
                :: tell(w, SUBMITTED, h, r)
                :: tell(w, APPROVED, h, r)
                fi
#else
                tell(w, SUBMITTED, h, r)
#endif
            fi
        fi
    :: what == CLAIM ->                                 /* on_claim, judge_claim */
        if
#ifdef BUG_A_CLAIM_ASKS_NOTHING
        :: holder[r] == w && hold_of[r] == h && (state[r] == pending || state[r] == approved) -> d_step { state[r] = running };
            tell(w, CLAIMED, h, r)
#else
        :: holder[r] == w && hold_of[r] == h && state[r] == approved && counts_on[r] && revoked ->     /* grants_gone: held afresh */
            d_step { finish(r, withdrawn) }; tell(w, ENDED, h, r)
        :: holder[r] == w && hold_of[r] == h && state[r] == approved && !(counts_on[r] && revoked) ->
            d_step {                                    /* store_request_move, store_grant_use, grants_use */
                assert(once_left[r]);
                state[r] = running; once_left[r] = false;
                if
                :: counts_on[r] -> counts_on[r] = false; used++; grant_runs++; assert(grant_runs <= USES)
                :: else
                fi };
            tell(w, CLAIMED, h, r)
#endif
        :: else -> tell(w, ENDED, h, r)                    /* turn_claim_down */
        fi
    :: what == WITHDRAW ->                              /* on_withdraw */
        if
        :: r != NONE && holder[r] == w && hold_of[r] == h && OPEN(r) -> d_step { finish(r, withdrawn) }
        :: else
        fi;
        tell(w, ENDED, h, r)
    :: what == RESULT || what == NOT_RUN ->             /* on_result */
        d_step { if :: holder[r] == w && state[r] == running -> finish(r, (what == RESULT -> completed : failed)) :: else fi }
    fi;
    goto start;

stop:                                                   /* the process is gone; broker_new, holders_take_over */
    atomic {
        broker_stops++;
        forget(0); forget(1);
        boot++;
        awaited = 3;
#ifdef BUG_A_RESTART_RELEASES_AGAIN
        i = 0;
        do :: i < REQUESTS -> if :: state[i] == running -> state[i] = approved; once_left[i] = true :: else fi; i++ :: else -> break od;
        i = 0
#endif
    };
    goto start;

finished:
    /* every request ends */
    assert(state[0] != pending && state[0] != approved && state[0] != running);
    assert(state[1] != pending && state[1] != approved && state[1] != running)
}

init { atomic { boot = 1; run Broker(); run Worker(0); run Worker(1) } }
