// Package hdl designs hardware for activation functions: units that compute ISRLU,
// ISRU, the ISRU sigmoid, their derivatives and the inverse square root, and their
// rivals ELU, tanh and the logistic function, in fixed point, bfloat16 or float16.
//
// [New] searches over architectures and their sizes for the unit with the least
// estimated area whose error keeps to a bound in units in the last place. A [Unit] is
// a bit-accurate model: [Unit.Eval] gives exactly the bits that the Verilog of
// [Unit.Verilog] puts out, and [Unit.Forward] and [Unit.Backward] run it on slices of
// numbers, so that networks train and predict as the hardware would. [Unit.Files] are
// what a designer takes away: the module, a self-checking testbench, golden vectors, a
// script for Yosys and a Makefile.
//
// The same ways to build a unit are open to every function, except that only the
// family of ISRLU can be computed by an inverse square root. See docs/hardware.md for
// what that is worth.
//
// The package describes circuits by internal/circuit, which also writes the Verilog.
// It neither trains nor draws nor runs other programs: packages nn, report and
// experiment do.
package hdl
