#include "CDashboard.h"

// Files become arrays with #embed, of C23, which the compiler accepts in every mode.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char index_html[] = {
#embed "../../Server/Dashboard/index.html"
};
static const char icon_svg[] = {
#embed "../../Server/Dashboard/icon.svg"
};
static const char style_css[] = {
#embed "../../Server/Dashboard/style.css"
};
static const char api_js[] = {
#embed "../../Server/Dashboard/api.js"
};
static const char app_js[] = {
#embed "../../Server/Dashboard/app.js"
};
static const char live_js[] = {
#embed "../../Server/Dashboard/live.js"
};
static const char parts_basics_js[] = {
#embed "../../Server/Dashboard/parts/basics.js"
};
static const char parts_board_js[] = {
#embed "../../Server/Dashboard/parts/board.js"
};
static const char parts_deploy_js[] = {
#embed "../../Server/Dashboard/parts/deploy.js"
};
static const char parts_diagram_js[] = {
#embed "../../Server/Dashboard/parts/diagram.js"
};
static const char parts_form_js[] = {
#embed "../../Server/Dashboard/parts/form.js"
};
static const char parts_history_js[] = {
#embed "../../Server/Dashboard/parts/history.js"
};
static const char parts_send_js[] = {
#embed "../../Server/Dashboard/parts/send.js"
};
static const char parts_source_js[] = {
#embed "../../Server/Dashboard/parts/source.js"
};
static const char parts_tree_js[] = {
#embed "../../Server/Dashboard/parts/tree.js"
};
static const char parts_trigger_js[] = {
#embed "../../Server/Dashboard/parts/trigger.js"
};
static const char parts_hover_js[] = {
#embed "../../Server/Dashboard/parts/hover.js"
};
static const char parts_why_js[] = {
#embed "../../Server/Dashboard/parts/why.js"
};
static const char views_api_js[] = {
#embed "../../Server/Dashboard/views/api.js"
};
static const char views_flow_js[] = {
#embed "../../Server/Dashboard/views/flow.js"
};
static const char views_flows_js[] = {
#embed "../../Server/Dashboard/views/flows.js"
};
static const char views_instance_js[] = {
#embed "../../Server/Dashboard/views/instance.js"
};
static const char views_instances_js[] = {
#embed "../../Server/Dashboard/views/instances.js"
};
static const char views_overview_js[] = {
#embed "../../Server/Dashboard/views/overview.js"
};
static const char views_server_js[] = {
#embed "../../Server/Dashboard/views/server.js"
};
static const char views_simulate_js[] = {
#embed "../../Server/Dashboard/views/simulate.js"
};
static const char views_tasks_js[] = {
#embed "../../Server/Dashboard/views/tasks.js"
};

// Preact and htm are no part of the sources: `make setup` fetches them.
#define PREACT "../../../.build/assets/preact.js"
#if __has_embed(PREACT)
static const char preact_js[] = {
#embed PREACT
};
#endif

typedef struct {
  const char *name;
  const char *text;
  size_t length;
} File;

#define FILE_OF(name, text) {name, text, sizeof text}

static const File files[] = {
    FILE_OF("index.html", index_html),
    FILE_OF("icon.svg", icon_svg),
    FILE_OF("style.css", style_css),
    FILE_OF("api.js", api_js),
    FILE_OF("app.js", app_js),
    FILE_OF("live.js", live_js),
    FILE_OF("parts/basics.js", parts_basics_js),
    FILE_OF("parts/board.js", parts_board_js),
    FILE_OF("parts/deploy.js", parts_deploy_js),
    FILE_OF("parts/diagram.js", parts_diagram_js),
    FILE_OF("parts/form.js", parts_form_js),
    FILE_OF("parts/history.js", parts_history_js),
    FILE_OF("parts/send.js", parts_send_js),
    FILE_OF("parts/source.js", parts_source_js),
    FILE_OF("parts/tree.js", parts_tree_js),
    FILE_OF("parts/trigger.js", parts_trigger_js),
    FILE_OF("parts/hover.js", parts_hover_js),
    FILE_OF("parts/why.js", parts_why_js),
    FILE_OF("views/api.js", views_api_js),
    FILE_OF("views/flow.js", views_flow_js),
    FILE_OF("views/flows.js", views_flows_js),
    FILE_OF("views/instance.js", views_instance_js),
    FILE_OF("views/instances.js", views_instances_js),
    FILE_OF("views/overview.js", views_overview_js),
    FILE_OF("views/server.js", views_server_js),
    FILE_OF("views/simulate.js", views_simulate_js),
    FILE_OF("views/tasks.js", views_tasks_js),
#if __has_embed(PREACT)
    FILE_OF("preact.js", preact_js),
#endif
};

const char *cdashboard_file(size_t index, const char **name, size_t *length) {
  if (index >= sizeof files / sizeof *files) return NULL;
  *name = files[index].name;
  *length = files[index].length;
  return files[index].text;
}
