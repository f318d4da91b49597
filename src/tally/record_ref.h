// One record of a profile, as its entry in the hot tier names it: 8 bytes, packed, for most
// profiles have two of them. It holds no pointer of its own; the hot tier's thread alone uses it.
//
// Three things are known of a record, each a small state machine. A month may be stored in two
// places: in a record of its own, and with its first rows in the forever record; it is in memory
// once what either holds is there. A forever record has neither: it is simply kLoading or there.
//
// OwnRecord: the month's own record.
//   from    what happens                                              to
//   none    its first row or word comes (the forever record names it) here
//   none    the forever record names it, and it is needed             due
//   none    rows of it came along with the forever record, which
//           names it, too                                             unread
//   unread  the month is needed                                       due
//   due     its bytes came                                            here
//
// InlinedRows: the month's rows in the forever record.
//   none    its first row comes, and the profile has few events       here
//   none    the forever record says that it has some, and the month
//           is needed; or they come along with it                     due
//   due     they were read                                            here
//
// WordsIn: where the words of the record are (chunk_words.h).
//   root       a full root was read                                   chunks
//   root       the root became full: its children are in memory       all_chunks
//   all_chunks a chunk was evicted                                    chunks
//
// From each state a record may be dropped (evicted), if it is not due.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "tally/arena.h"
#include "tally/record_key.h"

namespace quipu {

enum class OwnRecord : uint8_t {
  none,    // the forever record does not name the month
  unread,  // it is not in memory, and nobody asked for it yet
  due,     // it was asked for
  here,    // it is in memory
};
enum class InlinedRows : uint8_t {
  none,  // no row of the month is in the forever record
  due,   // they are asked for
  here,  // they are in memory
};
enum class WordsIn : uint8_t {
  root,        // all of them
  chunks,      // they go on in chunks, some of which may not be in memory
  all_chunks,  // they go on in chunks, and every one is in memory
};

struct RecordRef {
  MonthIndex month;    // or kForever
  uint8_t referenced;  // used since the clock's hand last came by
  OwnRecord own : 2;
  InlinedRows inlined : 2;
  WordsIn words_in : 2;
  Handle
      handle;  // of a MonthRecord, or of a WordSet if month is kForever; kNoHandle: holds nothing

  bool is_named() const { return own != OwnRecord::none; }  // by the forever record
  bool has_parts_due() const { return own == OwnRecord::due || inlined == InlinedRows::due; }
};
static_assert(sizeof(RecordRef) == 8 && alignof(RecordRef) == 4, "entries hold many of them");

}  // namespace quipu
