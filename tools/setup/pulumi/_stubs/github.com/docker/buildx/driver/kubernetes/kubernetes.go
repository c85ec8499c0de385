// Package kubernetes has no driver: an unknown one is what buildx reports to a builder that asks for it.
package kubernetes
