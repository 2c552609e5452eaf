from pueue_skill.cli.cli import main

raise SystemExit(main())
