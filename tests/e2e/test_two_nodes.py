"""With `confirm_nodes = 2` an epoch is final when two nodes show the same macro block; disagreement is an alarm."""

from harness import Service, eventually
from test_faults import World, _another_macro
from test_recorded import GRACE


def test_two_nodes_that_disagree(where, token_file):
    honest, liar = World(), World()
    with honest.node, liar.node:
        last = honest.case.final
        liar.node.tamper = _another_macro(last)
        config = {**GRACE, "finality": {**GRACE.get("finality", {}), "confirm_nodes": 2}}
        nodes = [(honest.node.endpoint, token_file), (liar.node.endpoint, token_file)]
        with Service(where, nodes, start=honest.case.start, **config) as service:
            service.register(honest.recipients)
            honest.node.play()
            liar.node.play()
            eventually(lambda: (service.through() or {}).get("final_epoch") == last - 1,
                       "what both nodes agree on", alive=service.program.process)

            def contradicting():
                return [n["state"] for n in service.good("/v1/status")["nodes"]].count("contradicting")
            eventually(contradicting, "the alarm", alive=service.program.process)
            assert service.get("/readyz").status == 503
            assert service.through()["final_epoch"] == last - 1, "neither is believed"
            assert all(d["epoch"] < last or d["state"] != "committed" for d in service.deposits().values())
            assert service.good("/v1/violations")["violations"] == [], "nothing final was contradicted"
            service.kill()
            service.start()
            eventually(contradicting, "the alarm again", alive=service.program.process)
            assert service.through()["final_epoch"] == last - 1
            liar.node.tamper = None
            liar.node.hang_up()
            honest.finish(service)
            honest.check(service)
