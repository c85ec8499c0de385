// Package kubernetes stands in for buildx's driver of that name, and registers none. buildx reports an
// unknown driver to a builder that needs it.
package kubernetes
