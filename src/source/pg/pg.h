/* The PostgreSQL source (protocol 3.0): resources of type "postgres". */
#pragma once

#include "source/source.h"

extern const struct source pg_source;
