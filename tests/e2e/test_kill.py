"""kill -9 at random moments: a restart goes on with nothing lost, nothing doubled, no number used twice."""

import os
import random
import time

import pytest

import story
from harness import PATIENCE, Service, SimNode, eventually
from test_simnode import GENERATIONS, STRANGERS, committed, wait_equal

KILLS = int(os.environ.get("HOTSIDE_KILLS", "10"))
SEED = int(os.environ.get("HOTSIDE_SEED", random.SystemRandom().randrange(1 << 32)))
EPOCHS_PER_KILL = 6  # so that the story goes on for about as long as we kill


@pytest.mark.parametrize("generation", GENERATIONS)
def test_kill_at_random_moments(generation, where):
    print("HOTSIDE_SEED=%d HOTSIDE_KILLS=%d" % (SEED, KILLS))
    dice = random.Random("%d %s" % (SEED, generation))
    text = story.write(SEED, 20 + EPOCHS_PER_KILL * KILLS, STRANGERS)
    with SimNode(where, generation, text, seed=SEED % 1000) as node:
        addresses = node.addresses()[:3] + STRANGERS
        service = Service(where, [(node.endpoint, node.token_file)])
        told, kills, moving = [], 0, 0
        try:
            service.start()
            service.register(addresses)
            while kills < KILLS:
                # The moment is meant to be random, while it works or while it starts.
                time.sleep(dice.choice([dice.uniform(0.0, 0.15), dice.uniform(0.2, 0.9)]))
                service.kill()
                kills += 1
                moving += node.progress() != "done"
                service.launch()
                if dice.random() < 0.3:
                    continue
                eventually(service.alive, "/healthz", alive=service.program.process)
                now = service.events()
                assert now[:len(told)] == told, "the past of the feed changed"
                told = now
            print("%d of %d kills while the chain moved" % (moving, kills))
            eventually(service.alive, "/healthz", alive=service.program.process)
            node.finish(PATIENCE + KILLS)
            wait_equal(service, node, addresses)
            assert service.events()[:len(told)] == told, "the past of the feed changed"
            assert set(service.check_feed().committed) == committed(node, addresses)
        finally:
            service.kill()
