#pragma once

namespace hotside::app {

// The program: reads the command line and runs one command. Gives the exit code.
int run_program(int argc, char** argv);

}  // namespace hotside::app
