package onnx

// What tests outside of the package need: package experiment imports this one.
var (
	MaybeRuntime     = maybeRuntime
	ExportAndCompare = exportAndCompare[float32]
)
