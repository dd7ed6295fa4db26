"""Projects and their tasks."""

from contextlib import aclosing

from pydantic import Field

from ml_connector.visma.calls import Resource
from ml_connector.visma.filters import ignored
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.records import Project, ProjectTask
from ml_connector.visma.wire import Flag, Row, Text, Whole, WireModel, parse, segment


class _VisibilityDto(WireModel):
    visible_in_gl: Flag = None
    visible_in_po: Flag = None


class _ProjectDto(WireModel):
    project_id: Text = Field("", alias="projectID")
    internal_id: Whole = Field(None, alias="internalID")
    description: Text = ""
    status: Text = ""
    hold: Flag = None
    visibility: _VisibilityDto | None = None


class _TaskDto(WireModel):
    task_id: Text = ""
    project_internal_id: Whole = None
    description: Text = ""
    status: Text = ""
    visibility: _VisibilityDto | None = None


class Projects(Resource):
    """Whether a line may be posted on a project and task."""

    async def project(self, number: str) -> Project:
        """One project. Raises `VismaNotFound`."""
        what = f"read project {number}"
        row = await self._calls.read_object(f"/v1/project/{segment(number)}", what)
        project = parse(_ProjectDto, row, what)
        return Project(
            id=project.project_id or number,
            internal_id=project.internal_id,
            description=project.description,
            status=project.status,
            on_hold=bool(project.hold),
            visible_in_gl=project.visibility.visible_in_gl if project.visibility else None,
        )

    async def project_tasks(self, number: str) -> tuple[ProjectTask, ...]:
        """Every task of a project.

        Tasks name their project only by its internal id, so the project is read as well: that is
        the only proof that the filter was obeyed. Raises `VismaNotFound`, `VismaFilterIgnored`.
        """
        project = await self.project(number)
        what = f"list tasks of project {number}"
        listing = Listing(
            path="/v1/projecttask", what=what, keys=_keys, params={"projectId": number}
        )
        found: dict[str, ProjectTask] = {}
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                for row in rows:
                    task = _task(parse(_TaskDto, row, what), project, what)
                    found[task.id] = task
        return tuple(found.values())


def _task(task: _TaskDto, project: Project, what: str) -> ProjectTask:
    owners = (task.project_internal_id, project.internal_id)
    if None not in owners and owners[0] != owners[1]:
        raise ignored("projectId", what)
    visibility = task.visibility or _VisibilityDto()
    return ProjectTask(
        id=task.task_id,
        project=project.id,
        description=task.description,
        status=task.status,
        visible_in_gl=visibility.visible_in_gl,
        visible_in_po=visibility.visible_in_po,
    )


def _keys(row: Row) -> list[str]:
    return [f"{row.get('projectInternalId')}/{row.get('taskId')}"]
