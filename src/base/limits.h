/*
 * Every limit of the product and its reason, in one place. A limit that is reached ends in a clear
 * refusal on the side that caused it, never in a cut.
 */
#pragma once

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* --- PostgreSQL wire ------------------------------------------------------------------------- */

/* PostgreSQL's own MAX_STARTUP_PACKET_LENGTH. */
#define LIMIT_PG_STARTUP_PACKET ((size_t)10000)
/* PostgreSQL's PQ_SMALL_MESSAGE_LIMIT is 10,000; authentication answers never need more. */
#define LIMIT_PG_AUTH_MESSAGE ((size_t)65535)
/* PostgreSQL's PQ_LARGE_MESSAGE_LIMIT (MaxAllocSize - 1): what a server would refuse we refuse. */
#define LIMIT_PG_MESSAGE ((size_t)0x3fffffff - 1)
/* A message we must judge is kept whole in memory: Query, Parse, Bind, FunctionCall. Longer ones are
 * refused with 54000 unless nothing on the resource could hold them. 64 MiB passes pg_dump's inserts. */
#define LIMIT_PG_JUDGED_MESSAGE (64 * MIB)
/* Statements and portals a session may name: each costs memory here as well as on the server. */
#define LIMIT_PG_NAMED_OBJECTS 10000
/* What a client may send behind a held action before we stop reading its socket. */
#define LIMIT_HELD_BACKLOG (256 * KIB)
/* Pipelined messages whose answers are outstanding; more wait in the client's socket until some are
 * answered. Look-ups of a name scan them, so this bounds that work too. */
#define LIMIT_PG_IN_FLIGHT 1024
/* Statements whose facts a worker remembers, and the memory for them. */
#define LIMIT_SQL_CACHE_ENTRIES 4096
#define LIMIT_SQL_CACHE_BYTES (64 * MIB)
/* An entry pushed out of that cache is kept for the next statement up to this size. */
#define LIMIT_SQL_SPARE_ENTRY (16 * KIB)
/* Server messages that are looked into (errors, tags, parameters) are gathered whole up to this
 * size; longer ones pass unread. */
#define LIMIT_PG_INSPECTED (64 * KIB)

/* A question of the gateway's own: columns and bytes of its rows. Facts about the relations and functions of one
 * statement are some KiB, a plan some tens. */
#define LIMIT_PG_ASK_COLUMNS 32
#define LIMIT_PG_ASK_BYTES (1 * MIB)
/* Beyond its time limit, which the server keeps, for the way there and back. */
#define LIMIT_PG_ASK_GRACE_MS 1000
/* How long the server may take to say what a statement would do, and with it how long a client waits whose
 * statement is judged by that. Planning takes milliseconds. */
#define LIMIT_PG_PREVIEW_MS 1000
/* A plan as approvers see it: nodes, their nesting, one condition. The rest is counted and not shown. */
#define LIMIT_PG_PLAN_NODES 200
#define LIMIT_PG_PLAN_DEPTH 100
#define LIMIT_PG_PLAN_TEXT ((size_t)512)
/* Children that wait while a plan is read: a table of a thousand partitions has as many under one node. */
#define LIMIT_PG_PLAN_PENDING 8192

/* The catalogue. Its answers are believed this long where nobody is seen changing it; names that a worker remembers,
 * and different search paths and users it remembers them for; questions for one statement, each finding new names in
 * the code of the last; triggers of one table, or functions that a column could be. */
#define LIMIT_PG_CATALOG_AGE_MS 10000
#define LIMIT_PG_CATALOG_NAMES 20000
#define LIMIT_PG_CATALOG_CONTEXTS 1024
#define LIMIT_PG_CATALOG_ROUNDS 8
#define LIMIT_PG_CATALOG_WAIT_MS 10000
#define LIMIT_PG_TRIGGERS 256

/* --- Streams --------------------------------------------------------------------------------- */

/* One read; the buffer is shared by all streams of a loop. */
#define STREAM_READ_SIZE (64 * KIB)
/* Unsent bytes after which the other side is not read until they drain. */
#define STREAM_HIGH_WATER (256 * KIB)
/* Unsent bytes that a stream keeps at most: the largest judged message behind a full buffer. */
#define STREAM_WRITE_CAP (LIMIT_PG_JUDGED_MESSAGE + 2 * STREAM_HIGH_WATER)
/* Time to finish TLS and the start-up packet: PostgreSQL's authentication_timeout default. */
#define LIMIT_HANDSHAKE_MS 60000
#define LIMIT_CONNECT_MS 10000
/* A worker that stops waits this long for its sessions to end their transactions. */
#define LIMIT_DRAIN_MS 30000
/* Client connections of one worker; the rest get 53300 (too many connections). */
#define LIMIT_WORKER_SESSIONS 20000

/* What a statement whose COMMIT is held has answered is kept back up to this size; more undoes it. */
#define LIMIT_PG_WITHHELD (1 * MIB)
/* The texts and parameters of one transaction that are shown when its COMMIT is held. */
#define LIMIT_PG_COMMIT_TEXT (1 * MIB)
/* Tables in the count of what a transaction changed. */
#define LIMIT_PG_COMMIT_TABLES 200
/* How long a transaction may wait for its COMMIT: 15 minutes of locks are more than any table bears. */
#define LIMIT_COMMIT_HOLD_NS (INT64_C(900) * 1000000000)

/* --- Actions and policy ---------------------------------------------------------------------- */

/* One action with all its parameters, as submitted to the broker: more cannot be read by a person. */
#define LIMIT_ENVELOPE (4 * MIB)
/* Parser input; a statement of more bytes is `unparseable` and the guardrails decide. */
#define LIMIT_SQL_TEXT (16 * MIB)
/* A text that does not parse is read again without its comments up to this length: tokens cost 80 bytes each. */
#define LIMIT_SQL_COMMENTED (256 * KIB)
/* Of the parser's memory a worker keeps the first block between texts (a ten-line join needs 30 KiB); the next ones
 * double up to the server's own ALLOCSET_DEFAULT_MAXSIZE. */
#define LIMIT_SQL_KEPT_MEMORY (64 * KIB)
#define LIMIT_SQL_MEMORY_BLOCK (8 * MIB)
/* Nodes visited and depth of the explicit stack when a parse tree is walked. */
#define LIMIT_SQL_NODES 2000000
#define LIMIT_SQL_DEPTH 100000
/* Body of a stored function that is looked into, and names that one statement leads to, view by view and function by
 * function: more is held as unknown. */
#define LIMIT_SQL_BODY (64 * KIB)
#define LIMIT_SQL_OBJECTS ((size_t)256)
/* Memory of one action's facts and evaluation. */
#define LIMIT_ACTION_ARENA (256 * MIB)
#define LIMIT_EVAL_ARENA (1 * MIB)
/* One CEL expression: cel-go's code point limit; nodes count after macros are expanded.
 * NESTING is what an author may nest, DEPTH that of the tree, which chains of `+` deepen too: they
 * bound recursion, so the stack it takes is known at load. */
#define LIMIT_CEL_TEXT ((size_t)100000)
#define LIMIT_CEL_NODES 100000
#define LIMIT_CEL_NESTING 250
#define LIMIT_CEL_DEPTH 1000
#define LIMIT_CEL_DIAGNOSTICS 20
/* Arguments of one call that is no list: more come from no author. */
#define LIMIT_CEL_ARGUMENTS 32
/* Cost units of one evaluation, Kubernetes' per-call limit; 1 to 3 ms here. */
#define LIMIT_CEL_COST 1000000
/* RE2's memory for one pattern: a pattern that needs more is refused at load. */
#define LIMIT_CEL_REGEX_MEMORY (8 * MIB)
#define LIMIT_CEL_REGEX_PATTERN ((size_t)4096)
/* What an explanation shows: more, nobody reads. */
#define LIMIT_CEL_REASONS 16
#define LIMIT_CEL_OPERANDS 8
/* Canonical text by which equal conjuncts of different rules are found. */
#define LIMIT_CEL_CANONICAL ((size_t)16384)
/* Patterns computed at run time that are kept compiled. */
#define LIMIT_CEL_REGEX_CACHE 64
#define LIMIT_CONFIG_FILE (4 * MIB)
#define LIMIT_CONFIG_ARENA (256 * MIB)
#define LIMIT_CONFIG_FILES 256
/* A difference that people are shown: a table of 4 bytes for each pair of lines that may match, so 16 MiB, and
 * the lines of two files at their longest. */
#define LIMIT_DIFF_CELLS (4 * MIB)
#define LIMIT_DIFF_ARENA (512 * MIB)
#define LIMIT_INCLUDE_DEPTH 8
/* Nesting the builder's stack has room for (the configuration itself needs 6), and values of one
 * file with every alias counted as what it stands for: what 10,000 guardrails with tests need. */
#define LIMIT_YAML_DEPTH 32
#define LIMIT_YAML_NODES 1000000
/* What is wrong with one configuration: nobody mends more in one go. */
#define LIMIT_CONFIG_PROBLEMS 100
#define LIMIT_CONFIG_PROBLEM_BYTES 2048
#define LIMIT_GUARDRAILS 10000
#define LIMIT_RESOURCES 1000
#define LIMIT_PEOPLE 10000
#define LIMIT_MACROS 1000
/* Labels that conditions mention: each is a fact of its own. */
#define LIMIT_LABELS 64
/* Labels that the columns of one resource can carry: each is a word of two lists of facts. */
#define LIMIT_COLUMN_LABELS 32
/* Different quorums that are remembered as checked while loading. */
#define LIMIT_QUORUM_CACHE 256
/* A person's name, a group's, a guardrail's: shown in one line, on a terminal. */
#define LIMIT_NAME_BYTES ((size_t)128)
/* Bit sets of the guardrail index; what does not fit is evaluated instead. */
#define LIMIT_POLICY_INDEX (64 * MIB)
/* Cost units over all guardrails of one decision; what is left after it holds. About 50 ms. */
#define LIMIT_POLICY_COST 20000000
/* A guardrail's message once rendered (after it no further part is added), one value in it, and the room
 * that takes: a literal part is no longer than the file's line of text, which LIMIT_CONFIG_FILE bounds. */
#define LIMIT_MESSAGE_BYTES ((size_t)4096)
#define LIMIT_MESSAGE_VALUE ((size_t)1024)
#define LIMIT_MESSAGE_ROOM (64 * KIB)

/* --- Link, requests -------------------------------------------------------------------------- */

/* One message: an envelope and its frame. */
#define LIMIT_LINK_MESSAGE (LIMIT_ENVELOPE + 256 * KIB)
/* What running a held action would do, as it is told to the broker: more is no help to who decides. */
#define LIMIT_IMPACT (256 * KIB)
/* Earlier requests of one shape that are counted for it. */
#define LIMIT_IMPACT_HISTORY 10000
/* Unsent bytes to the broker; above it new holds are refused (fail closed), never queued. */
#define LIMIT_LINK_BACKLOG (64 * MIB)
/* After the broker is gone, how long held actions wait for its return before they are refused. */
#define LIMIT_LINK_GRACE_MS 10000
/* An answer that a broker which is there owes: its slowest step is one disk sync. */
#define LIMIT_LINK_ANSWER_MS 10000
/* Records that wait for a link; with more, what must be recorded does not run (fail closed). */
#define LIMIT_LINK_KEPT (8 * MIB)
/* Outcomes that wait for a link; the oldest go first, and are `unknown` to the broker. */
#define LIMIT_KEPT_RESULTS 10000
/* The envelope and the facts of an action in one record: longer ones are named by digest and length, or
 * left out. What is escaped grows to twice that at worst, and both must fit LIMIT_LINK_MESSAGE. */
#define LIMIT_RECORD_TEXT (1 * MIB)
/* A broker that is asked to stop has two disk syncs to do. */
#define LIMIT_BROKER_STOP_MS 5000
/* Open requests of one subject: more is a flood, and floods make approvers careless. */
#define LIMIT_OPEN_REQUESTS_PER_SUBJECT 50 /* unless the configuration says `open_requests` */
#define LIMIT_OPEN_REQUESTS 10000
/* A tracker or a schedule that is asked: below LIMIT_LINK_ANSWER_MS, after which a worker gives up. */
#define LIMIT_ASKING_MS 5000
/* Submissions that wait for word of their ticket, each with its envelope in memory. */
#define LIMIT_TICKET_CHECKS 64
/* Other sessions that wait for the same request: more are told its number and wait by themselves. */
#define LIMIT_FOLLOWERS_OF_ONE 16
/* Uses of one grant: more is no longer a bounded right. */
#define LIMIT_GRANT_USES 1000
/* Guardrails of one action that grants may cover, and grants of one subject that are looked at. */
#define LIMIT_GRANTS_OF_ONE 8
#define LIMIT_GRANTS_OF_SUBJECT 100
/* Wrong codes of a second factor in a row before each further one locks, first so long, then twice as long
 * each time: a million codes of which three are good at a time are not found by trying. */
#define LIMIT_GLASS_TRIES 5
#define LIMIT_GLASS_LOCK_NS (60 * NS_PER_S)
#define LIMIT_GLASS_LOCK_MAX_NS (24 * 3600 * NS_PER_S)
/* Votes that statistics look at, the newest: 30 days of a large team. */
#define LIMIT_STATS_VOTES 50000
/* How long the requester of a request that ended unattended is still told so, before a new one opens. */
#define LIMIT_TELL_END_NS (24 * 3600 * NS_PER_S)
#define LIMIT_REASON_BYTES ((size_t)4096)

/* One request needs at most this many approvals in all, of this many kinds: more people than sit in
 * one meeting is a mistake in the file, and it bounds the matching of people to requirements. */
#define LIMIT_APPROVALS 32
#define LIMIT_REQUIREMENTS 16
/* Names of groups and people in one request's quorum, those that an expression yields among them. */
#define LIMIT_QUORUM_NAMES 1024
/* Delegations that are in force or ended lately: each person has one, and every vote looks at them. */
#define LIMIT_DELEGATIONS 1000
/* For how long one may delegate, and for how long after its end a delegation carries the votes it gave. */
#define LIMIT_DELEGATION_NS (INT64_C(90) * 86400 * 1000000000)
#define LIMIT_DELEGATION_KEPT_NS (INT64_C(30) * 86400 * 1000000000)
/* Events of one duty schedule, each looked at when it is asked who is on duty; a folded line of one. */
#define LIMIT_ICAL_EVENTS 2000
#define LIMIT_ICAL_LINE (64 * KIB)
/* Groups whose members change with time, and who is in them at one moment, all together. */
#define LIMIT_DUTY_GROUPS 64
#define LIMIT_DUTIES 1000
/* People that one webhook puts on duty at once. */
#define LIMIT_HOOK_PEOPLE 64
/* Tokens ever issued: the list is read whole. */
#define LIMIT_TOKENS 10000
/* How long a change waits for somebody else's lock on the store (a backup, a shell) before it is
 * refused; every session's answers wait with it. */
#define LIMIT_STORE_BUSY_MS 250
/* Workers of one gateway: as many as a machine may have cores. */
#define LIMIT_WORKERS 256
/* Requests in one listing; longer ones are paged. */
#define LIMIT_LIST 1000

/* Nesting of JSON that comes from a worker and goes into the log. */
#define LIMIT_JSON_DEPTH 64

/* --- HTTP ------------------------------------------------------------------------------------ */

#define LIMIT_HTTP_HEADERS (32 * KIB)
#define LIMIT_HTTP_BODY (LIMIT_ENVELOPE + 64 * KIB)
/* Browsers send about 20. */
#define LIMIT_HTTP_HEADER_COUNT 100
#define LIMIT_HTTP_CONNECTIONS 1000
#define LIMIT_HTTP_IDLE_MS 60000
/* From the first byte of a request to the end of its head, and from there to the end of its body:
 * a client that dribbles is cut off, one on a slow link is not. */
#define LIMIT_HTTP_HEAD_MS 10000
#define LIMIT_HTTP_BODY_MS 60000
/* Time without one byte of a response taken by the client. */
#define LIMIT_HTTP_STALL_MS 30000
/* How long a client may take to end its side after we ended ours: closing at once, with bytes of it
 * unread, would reset the connection and could take the answer along. */
#define LIMIT_HTTP_LINGER_MS 2000
#define LIMIT_EVENT_STREAMS 300
/* The body of an API call other than an action: a reason of LIMIT_REASON_BYTES with every byte escaped
 * (\u00xx) is 24 KiB. */
#define LIMIT_API_BODY (64 * KIB)
/* One answer, while it is made: a full list, or one request with its envelope. */
#define LIMIT_API_ARENA (64 * MIB)
/* Events that a client which was away can still catch up on. */
#define LIMIT_EVENT_RING 1024
/* A stream ends after this long, so that whoever listens has to show again who they are. */
#define LIMIT_EVENT_STREAM_MS INT64_C(3600000)
/* Below the idle time-outs of common proxies (nginx and HAProxy: 60 s and less). */
#define HTTP_HEARTBEAT_MS 15000
/* Unsent bytes to a client that is slow to take them: a full answer, a full request list. */
#define LIMIT_HTTP_UNSENT (16 * MIB)
#define LIMIT_EVENT_UNSENT (1 * MIB)

/* --- Outgoing HTTP ---------------------------------------------------------------------------- */

/* One exchange with an identity provider or a webhook, from its start to its last byte. */
#define LIMIT_FETCH_MS 10000
#define LIMIT_FETCH_CONNECT_MS 5000
/* An answer, unless its caller wants less: key sets and schedules are some ten KiB. */
#define LIMIT_FETCH_BODY (1 * MIB)
#define LIMIT_FETCH_HEADERS (64 * KIB)
#define LIMIT_FETCH_URL ((size_t)8192)
/* Exchanges under way at once, connections for them, and redirects of one: what waits for others
 * must not use up this process. */
#define LIMIT_FETCHES 256
#define LIMIT_FETCH_CONNECTIONS 32
#define LIMIT_FETCH_REDIRECTS 5

/* --- Identity -------------------------------------------------------------------------------- */

/* RSA keys: below, they can be factored; above, one verification takes milliseconds. */
#define LIMIT_RSA_LEAST_BITS 2048
#define LIMIT_RSA_BITS 16384
/* An ID token and a set of keys (RFC 7519, RFC 7517): providers send a few KiB. */
#define LIMIT_JWT (64 * KIB)
#define LIMIT_JWK_SET (256 * KIB)
#define LIMIT_JWK_KEYS 64
/* An SSH key or signature, decoded: RSA of 16384 bits needs 4 KiB. */
#define LIMIT_SSH_BLOB (16 * KIB)
/* Rounds that a database may ask of a login: 100 ms of the broker's time, once for each password. */
#define LIMIT_SCRAM_ITERATIONS 200000
/* A password that a file, the environment or a command gives. */
#define LIMIT_SECRET_BYTES ((size_t)4096)
/* A command that prints one, and how long what it printed is used. */
#define LIMIT_SECRET_COMMAND_MS 10000
#define LIMIT_SECRET_KEPT_MS 60000
/* Logins that wait for such a command. */
#define LIMIT_LOGINS_WAITING 10000
/* Tokens of one person that a login is tried with, the newest. */
#define LIMIT_LOGIN_TOKENS 1000
/* Logins with an identity provider that are open, and how long one may take. */
#define LIMIT_OIDC_ATTEMPTS 256
#define LIMIT_OIDC_ATTEMPT_MS 600000
/* What the provider says of itself is asked again after this; its keys at most this often. */
#define LIMIT_OIDC_METADATA_MS 3600000
#define LIMIT_OIDC_KEYS_MS 5000
/* How far its clock may be off. */
#define LIMIT_OIDC_SKEW_S 60

/* --- Audit ----------------------------------------------------------------------------------- */

/* One record line: an envelope as a JSON string (every byte of it is escaped at worst into two) and
 * what is said about it. */
#define LIMIT_AUDIT_RECORD (2 * LIMIT_ENVELOPE + 1 * MIB)
/* A leaf of the tree; what is longer stands apart from it. The format's own limit is 65,535. */
#define LIMIT_AUDIT_LEAF ((size_t)4096)
/* Records that were not written yet; above it they are written at once. */
#define LIMIT_AUDIT_BATCH (256 * KIB)
/* Records that were not synced yet; one more waits for the sync. Two seconds of what a worker can allow. */
#define LIMIT_AUDIT_UNSYNCED 16384
/* A file of the journal, after which the next is begun; and how much is allocated ahead in it. */
#define LIMIT_AUDIT_SEGMENT (64 * MIB)
#define LIMIT_AUDIT_ALLOCATE (1 * MIB)
/* The signed checkpoint follows what is on disk within this time. */
#define LIMIT_AUDIT_CHECKPOINT_MS 1000
/* A broken log is tried again this often. */
#define LIMIT_AUDIT_RETRY_MS 1000
/* Records that need not precede their effect are synced within this time. */
#define LIMIT_AUDIT_DELAY_MS 20
