// Package gomlx has the inverse square root units as functions of GoMLX graphs.
package gomlx
