/*
 * What differs between the configuration in force and another one that somebody wants in its place:
 * the facts of an ACTION_POLICY. Names are `SECTION.NAME` ("guardrails.no-drop", "people.ana",
 * "groups.dba"), or the section alone where it has no named entries ("workers").
 */
#pragma once

#include "model/sql_facts.h"

struct policy_change {
    struct sql_names changed; /* sections, each once, sorted; empty: the two say the same */
    struct sql_names added, removed, modified;
};
