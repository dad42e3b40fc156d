/* Visitors of CREATE statements and of privileges. Internal to classify/. */
#pragma once

#include "classify/ddl.h"

walk_visitor visit_create_table, visit_create_table_as, visit_view, visit_index, visit_trigger, visit_rule,
    visit_create_function, visit_alter_function, visit_do, visit_define, visit_constraint, visit_policy,
    visit_grant, visit_grant_role, visit_role, visit_alter_role_set, visit_drop_role, visit_owner, visit_rename,
    visit_create_sequence, visit_refresh, visit_domain;
