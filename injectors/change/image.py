"""Deploy a bad release: every replica of a service gets another image, as a real deployment would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import ServiceState, Stack
from injectors.container.target import check_params, running_target

# A deployment whose caller has died goes on inside the engine with one call: at most a stop, 5 s, and its answer.
_SETTLE_S = 7.0


class Image:
    """The service is deployed from the bad image; undo deploys the image that it had, unless a responder did."""

    kind = "change.image"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"deploy"})
    params: Mapping[str, str] = MappingProxyType(
        {"image": "Image to deploy, a reference or an id; it must be on the engine already."}
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, a target that does not run, one in the middle of a deployment, and an
        image that is not there or runs already."""
        check_params(fault, self.params)
        state = running_target(fault, stack)
        bad, bad_id = _bad_image(fault, stack)
        found: dict[str, ParamValue] = {
            "image": stack.image(fault.target),
            "image_id": state.facts["image"],
            "replicas": len(state.replicas),
        }
        if len(_images(state)) > 1:
            raise InvalidInput(f"fault {fault.id}: replicas of {fault.target} run different images; deploy one first")
        if bad_id == found["image_id"]:
            raise InvalidInput(f"fault {fault.id}: {fault.target} runs {bad} already; name another image")
        params = {"image": bad, "image_id": bad_id}
        lease = replace(draft, instance=state.instance, before=found, params=params, settle_s=_SETTLE_S)
        return replace(lease, manual=_by_hand(lease))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Deploy it, replica by replica: the moment spans the whole change-over."""
        return stack.deploy(lease.service, str(lease.params["image"]))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a replica is made from the bad image."""
        state = stack.services().get(lease.service)
        return state is not None and str(lease.params["image_id"]) in _images(state)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Deploy the image from before, unless all replicas run it already."""
        if not self.undone(lease, stack):
            stack.deploy(lease.service, _wanted(lease, stack))

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether all replicas that there were run, each from the image from before."""
        state = stack.services().get(lease.service)
        if state is None or not state.running or state.any_paused:
            return False
        return len(state.replicas) >= int(lease.before["replicas"]) and _images(state) == {lease.before["image_id"]}


def _bad_image(fault: FaultSpec, stack: Stack) -> tuple[str, str]:
    image = fault.params.get("image")
    if not isinstance(image, str) or not image:
        raise InvalidInput(f"fault {fault.id}: change.image needs the parameter `image`, the reference of an image")
    try:
        return image, stack.image_id(image)
    except StackError as error:
        raise InvalidInput(f"fault {fault.id}: {error}") from error


def _images(state: ServiceState) -> set[str]:
    """Image ids of the replicas."""
    return set(state.facts["image"].split(", "))


def _wanted(lease: Lease, stack: Stack) -> str:
    """The reference from before while it still names the same image; its id when the name has moved on or is gone."""
    reference, wanted = str(lease.before["image"]), str(lease.before["image_id"])
    try:
        return reference if stack.image_id(reference) == wanted else wanted
    except StackError:
        return wanted


def _by_hand(lease: Lease) -> tuple[str, ...]:
    reference, image_id, project = lease.before["image"], lease.before["image_id"], lease.stack.project
    labels = f"label=com.docker.compose.project={project} --filter label=com.docker.compose.service={lease.service}"
    return (
        f"If the image's name has moved on: `docker tag {image_id} {reference}`",
        f"Remove its containers, those set aside too: `docker rm -f $(docker ps -aq --filter {labels})`",
        f"Make them anew: `docker-compose -p {project} up -d {lease.service}` with the stack's Compose file",
    )
