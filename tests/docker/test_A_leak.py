import gc, pytest
pytestmark=[pytest.mark.engine, pytest.mark.filterwarnings("error")]
def test_leak(compose_stack):
    v=compose_stack.replica("mail",1)
    v.containers().limits("mail")
    del v; gc.collect()
