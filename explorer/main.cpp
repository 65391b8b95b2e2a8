#include "explorer/app/cli.hpp"

int main(int argc, char** argv) { return hotside::app::run_program(argc, argv); }
