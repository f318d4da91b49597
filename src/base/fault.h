// Two ways in which tests make things go wrong on purpose.
// Fault points: a named step of a checkpoint; with QUIPU_FAULT_AT=name:n in the environment the
// process kills itself (SIGKILL) when it passes that name the n-th time; with
// QUIPU_FAULT_DELAY=name:ms (several with commas) it sleeps there each time. QUIPU_FAULT_LOG=path
// appends "name" at every pass. One relaxed load when unused. Planted faults: known mistakes which
// only a canary build (QUIPU_CANARY) contains, switched on by QUIPU_PLANT=name; the test suite must
// notice each of them. A process that meets the fault appends its name to the file QUIPU_PLANT_LOG,
// once: tests/planted_faults reads it. In other builds planted() is constant false.
#pragma once

namespace quipu {

void fault_point(const char* name);

enum class Planted {
  positions_before_cells,     // positions committed before cells
  evict_before_durable,       // a record evicted before its commit is durable
  ignore_previous_month,      // the neighbour month ignored, looking back
  ignore_next_month,          // the neighbour month ignored, looking ahead
  array_values_not_distinct,  // array values not made distinct within an event
  names_not_committed,        // names cached but not committed
  hour_rounding,              // hours rounded in UTC in a :30 zone
  chunk_length_missed,        // a chunk of another length not read
  joint_row_missed,           // a row of several dimensions not read
  id_of_set_aside,            // an id stored for a set-aside event
  threshold_off_by_one,       // the matrix-to-words threshold off by one row
  old_row_for_new_dimension,  // a row of an older plan version taken for a newer dimension
  month_not_named,            // a month's record that its profile's forever record does not name
  record_taken_for_new,       // a record that is stored written as if nothing were
  profile_not_in_filter,  // a profile with a record that the filter of new profiles does not know
  codes_not_committed,    // codes of elements that records use and no commit holds
  whole_record_of_part,  // a record written whole from what was read while more was on its way into
                         // it
};
#ifdef QUIPU_CANARY
bool planted(Planted fault);
#else
constexpr bool planted(Planted) { return false; }
#endif

}  // namespace quipu
