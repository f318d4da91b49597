#include "base/fault.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "base/check.h"

namespace quipu {
namespace {

// The environment is read once a process, so every case runs in a child of its own.

TEST(FaultDeathTest, KillsAtTheNthPassOfThatName) {
  auto pass = [](int passes) {
    ::setenv("QUIPU_FAULT_AT", "commit:3", 1);
    for (int i = 0; i < passes; ++i) {
      fault_point("before");
      fault_point("commit");
    }
    std::_Exit(7);
  };
  EXPECT_EXIT(pass(3), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass(2), testing::ExitedWithCode(7), "");
}

TEST(FaultDeathTest, DoesNothingWhenUnused) {
  EXPECT_EXIT(
      {
        for (int i = 0; i < 1000; ++i) fault_point("commit");
        std::_Exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST(FaultDeathTest, SleepsAtEachPassOfThatName) {
  auto delayed = [] {
    ::setenv("QUIPU_FAULT_DELAY", "commit:30", 1);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) fault_point("other");
    for (int i = 0; i < 2; ++i) fault_point("commit");
    const auto took = std::chrono::steady_clock::now() - begin;
    std::_Exit(took >= std::chrono::milliseconds(60) && took < std::chrono::milliseconds(600) ? 7
                                                                                              : 8);
  };
  EXPECT_EXIT(delayed(), testing::ExitedWithCode(7), "");
}

TEST(FaultDeathTest, WritesEachPassToTheLog) {
  const std::string path = testing::TempDir() + "quipu_fault_log_" + std::to_string(::getpid());
  auto logged = [&] {
    ::setenv("QUIPU_FAULT_LOG", path.c_str(), 1);
    ::setenv("QUIPU_FAULT_AT", "b:2", 1);
    for (const char* name : {"a", "b", "c", "b", "d"}) fault_point(name);
  };
  EXPECT_EXIT(logged(), testing::KilledBySignal(SIGKILL), "");
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "a\nb\nc\nb\n");
  ::unlink(path.c_str());
}

TEST(FaultDeathTest, RefusesWhatItCannotRead) {
  auto misspelled = [](const char* text) {
    ::setenv("QUIPU_FAULT_AT", text, 1);
    fault_point("commit");
  };
  EXPECT_EXIT(misspelled("commit"), testing::ExitedWithCode(2), "name:number");
  EXPECT_EXIT(misspelled("commit:x"), testing::ExitedWithCode(2), "name:number");
  EXPECT_EXIT(misspelled(":1"), testing::ExitedWithCode(2), "name:number");
}

TEST(CheckDeathTest, EndsTheProcessWithPlaceAndCondition) {
  auto broken = [](int two) { CHECK(two + two == 5); };
  EXPECT_EXIT(broken(2), testing::KilledBySignal(SIGABRT),
              "fault_test.cpp:[0-9]+: .*two \\+ two == 5");
}

#ifdef QUIPU_CANARY
TEST(PlantedDeathTest, OnlyTheNamedFaultIsPlanted) {
  auto plant = [](const char* name, Planted fault) {
    ::setenv("QUIPU_PLANT", name, 1);
    std::_Exit(planted(fault) ? 1 : 0);
  };
  EXPECT_EXIT(plant("positions_before_cells", Planted::positions_before_cells),
              testing::ExitedWithCode(1), "");
  EXPECT_EXIT(plant("hour_rounding", Planted::hour_rounding), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(plant("month_not_named", Planted::month_not_named), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(plant("hour_rounding", Planted::names_not_committed), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(plant("", Planted::positions_before_cells), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(plant("hours", Planted::hour_rounding), testing::ExitedWithCode(2), "hours");
}

TEST(PlantedDeathTest, AProcessThatMeetsTheFaultNotesItOnceEvenIfItIsKilled) {
  const std::string path = testing::TempDir() + "quipu_plant_log_" + std::to_string(::getpid());
  auto killed = [&](std::initializer_list<Planted> passed) {
    ::setenv("QUIPU_PLANT", "hour_rounding", 1);
    ::setenv("QUIPU_PLANT_LOG", path.c_str(), 1);
    for (Planted fault : passed) planted(fault);
    ::raise(SIGKILL);
  };
  auto noted = [&] {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  EXPECT_EXIT(killed({Planted::names_not_committed}), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(noted(), "");
  EXPECT_EXIT(
      killed({Planted::hour_rounding, Planted::names_not_committed, Planted::hour_rounding}),
      testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(noted(), "hour_rounding\n");
  EXPECT_EXIT(killed({Planted::hour_rounding}), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(noted(), "hour_rounding\nhour_rounding\n");
  ::unlink(path.c_str());
}
#else
TEST(Planted, NothingIsPlantedOutsideCanaryBuilds) {
  static_assert(!planted(Planted::positions_before_cells));
}
#endif

}  // namespace
}  // namespace quipu
