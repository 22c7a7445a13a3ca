// Package docs holds the tests of the documentation: its links, its Go code, the
// commands that run tests, and the map of packages. It has no code of its own.
package docs
