package dev.ontogeny.kernel;

interface Loops {
  int lanes();
}
