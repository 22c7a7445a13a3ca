// Package gomlx has the functions and layers of this project as graphs of GoMLX
// (github.com/gomlx/gomlx), which runs them by XLA on processors, GPUs and TPUs, or in
// Go alone: the inverse square root units, LSTM cells with any functions, and whole
// networks of package nn, whose checkpoints it reads and writes. It is a module of its
// own, so that package isrlu does not depend on GoMLX.
//
// # Functions
//
// [ISRLU], [ISRU], [ISRUSigmoid] and [DyISRU] are functions of a node. They are right for
// all inputs: x² does not overflow, infinities give the limits, -0 stays -0, and NaN
// gives NaN. By default the backward pass reads the output alone, f' = (1 - alpha
// y²)^(3/2), so that what went into the function is not kept; [Backward] says when that
// is not exact, and how to have it exact. The forms with a parameter as a node, such as
// [ISRLUWith], have its gradient too. [Activation] is any function by its specification,
// such as "isrlu:3:learn-channel", with a variable for what is learned.
//
//	y := gomlx.ISRLU(x, 1)
//	y := gomlx.Activation(ctx.In("3.activation"), x, "isrlu:1:learn")
//
// Gradients of gradients are not those of the functions: in a gradient some parts count
// as constants.
//
// # Networks
//
// [New] and [Load] make a [Model] of an nn.Network or a checkpoint. Its [Model.Graph] is
// what GoMLX's train.NewTrainer takes, [Model.Logits] what context.NewExec does, and
// [Model.Save] writes a checkpoint that nn.Load and "isrlu predict" read. [Layer] and
// [LSTM] are single layers, with the variables that package nn has: their names, shapes,
// order of columns and first values.
//
// # Errors
//
// What builds a graph panics with an error, as in GoMLX, which returns it where the graph
// is run. All else returns errors.
package gomlx
