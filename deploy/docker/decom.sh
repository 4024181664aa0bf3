#!/usr/bin/env bash
# Before Kubernetes ends an executor it runs this (spark.kubernetes.decommission.script): the executor hears that it has to go,
# hands on what it has shuffled and ends. The pod's terminationGracePeriodSeconds is how long it may take.
kill -s PWR 1 && exec tail --pid=1 -f /dev/null
